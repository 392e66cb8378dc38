// Leads to the bar of a lesson when another step is opened: its page is shown from the top, and
// the next press of Tab or a screen reader goes on in the bar, which comes last in the document.

let shown = null; // the step that was shown last in this tab

export default function ({ data, parentElement }) {
  const { label, step } = data;
  const bar = (parentElement.host ?? parentElement).closest(".st-key-lesson-bar");
  if (!bar) return;
  bar.setAttribute("role", "region");
  bar.setAttribute("aria-label", label);
  bar.tabIndex = -1;
  if (step === shown) return;
  shown = step;
  document.querySelector("[data-testid=stMain]")?.scrollTo({ top: 0, behavior: "instant" });
  bar.focus({ preventScroll: true });
}

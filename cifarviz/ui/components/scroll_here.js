// Scrolls to its own place when something new is shown there.

const known = new WeakMap(); // the names of what stood at a place the last time

export default function ({ data, parentElement }) {
  const before = known.get(parentElement) ?? new Set();
  known.set(parentElement, new Set(data));
  if (data.every((name) => before.has(name))) return;
  const place = parentElement.host ?? parentElement;
  // What stands below comes just after; without it the page is too short to scroll.
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  setTimeout(() => place.scrollIntoView({ behavior, block: "start" }), 200);
}

// Press controls one after another at a fixed pace, as fast hands do: without a wait for the page,
// but where a control is missing or disabled.
async ({ presses, every }) => {
  const PATIENCE = 15000; // milliseconds until a control must be there
  const pause = (time) => new Promise((done) => setTimeout(done, time));
  const roots = () => [
    document,
    ...[...document.querySelectorAll('[data-testid="stBidiComponentIsolated"]')]
      .map((place) => place.shadowRoot)
      .filter(Boolean),
  ];
  const all = (selector) => roots().flatMap((root) => [...root.querySelectorAll(selector)]);
  const words = (element) => (element.querySelector("p") ?? element).textContent.trim();
  const called = (text) => (element) => words(element) === text;
  const field = (label) => all(`[data-testid="stMain"] input[aria-label="${label}"]`)[0];
  const click = (element) => element.click();

  // Each gives the control, and what to do with it.
  const found = {
    choice: (of, to) => [all(`[aria-label="${of}"] button`).find(called(to)), click],
    button: (of) => [
      all('[data-testid="stMain"] [data-testid="stButton"] button')
        .filter((element) => element.offsetParent)
        .find(called(of)),
      click,
    ],
    tile: (of, to) => [all(`button[aria-label="${to}"]`)[0], click],
    layer: (of, to) => [
      all(`[class*="st-key-layer-"][class*="${to}${of}"] button`).find((e) => e.offsetParent),
      click,
    ],
    step: (of, to) => [
      field(of)
        ?.closest('[data-testid="stNumberInput"]')
        .querySelector(`[data-testid="stNumberInputStep${to === "+" ? "Up" : "Down"}"]`),
      click,
    ],
    text: (of, to) => [
      field(of),
      (element) => {
        element.focus();
        const proto = HTMLInputElement.prototype;
        Object.getOwnPropertyDescriptor(proto, "value").set.call(element, to);
        element.dispatchEvent(new Event("input", { bubbles: true }));
        const enter = { key: "Enter", code: "Enter", keyCode: 13, bubbles: true };
        element.dispatchEvent(new KeyboardEvent("keydown", enter));
        element.dispatchEvent(new KeyboardEvent("keypress", enter));
        element.dispatchEvent(new KeyboardEvent("keyup", enter));
      },
    ],
    key: (of) => [
      document.body,
      (element) =>
        element.dispatchEvent(new KeyboardEvent("keydown", { key: of, bubbles: true, composed: true })),
    ],
  };

  for (const [kind, of, to] of presses) {
    const begun = performance.now();
    for (;;) {
      const [control, act] = found[kind](of, to);
      if (control && !control.disabled) {
        act(control);
        break;
      }
      if (performance.now() - begun > PATIENCE) throw new Error(`no ${kind} ${of} ${to}`);
      await pause(10);
    }
    await pause(Math.max(0, every - (performance.now() - begun)));
  }
}

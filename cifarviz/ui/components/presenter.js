// Keys and a bar for going through scenes.
//
// Streamlit calls the default export after each run of the script, always with the same
// parentElement. The state of each presenter is kept in `presenters`.

const presenters = new WeakMap();
const PATIENCE = 8000; // milliseconds to wait for the page to show a scene
const TYPING = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true]";
const OWN_ARROWS =
  "[role=slider], [role=radiogroup], [role=radio], [role=listbox], [role=tablist], [role=menu]";
const OPEN = "[role=dialog], [role=listbox], [data-baseweb=popover]";

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const bar = parentElement.querySelector(".bar");
  let presenter = presenters.get(parentElement);
  if (!presenter || presenter.bar !== bar) {
    presenter = create(bar);
    presenters.set(parentElement, presenter);
  }
  presenter.send = setTriggerValue;
  receive(presenter, JSON.parse(new TextDecoder().decode(data)));
  return () => {
    // Also called when a newer run of the script overtakes this run: then it is still in use.
    setTimeout(() => {
      if (bar.isConnected) return;
      presenter.ended.abort();
      clearTimeout(presenter.patience);
      unblank(presenter);
      presenters.delete(parentElement);
    }, 0);
  };
}

function create(bar) {
  const presenter = {
    bar,
    data: null,
    at: 0, // the scene that is shown, or was asked for last
    wanted: null,
    black: null,
    patience: 0,
    ended: new AbortController(),
  };
  const pressed = (name, action) =>
    bar.querySelector(`.${name}`).addEventListener("click", (event) => {
      action();
      // A press on Space or Enter is not for this button any more.
      event.currentTarget.blur();
    });
  pressed("back", () => move(presenter, -1));
  pressed("next", () => move(presenter, 1));
  pressed("notes", () => notes(presenter));
  pressed("blank", () => blank(presenter));
  pressed("full", fullScreen);
  pressed("leave", () => presenter.send("leave", true));
  document.addEventListener("keydown", (event) => onKey(presenter, event), {
    signal: presenter.ended.signal,
  });
  return presenter;
}

function receive(presenter, data) {
  presenter.data = data;
  // The page shows quick presses one after another; the next press continues from the last.
  if (data.notes === (presenter.wantedNotes ?? data.notes)) presenter.wantedNotes = null;
  else data.notes = presenter.wantedNotes;
  const shown = data.scenes.findIndex(([name]) => name === data.shown);
  if (presenter.wanted === null || presenter.wanted === shown) {
    presenter.wanted = null;
    clearTimeout(presenter.patience);
    presenter.at = shown;
  }
  draw(presenter);
}

function onKey(presenter, event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const on = event.composedPath()[0];
  const within = (selector) => on instanceof Element && on.closest(selector) !== null;
  const turns = { PageDown: 1, ArrowRight: 1, ArrowDown: 1, PageUp: -1, ArrowLeft: -1, ArrowUp: -1 };
  const page = event.key === "PageDown" || event.key === "PageUp";
  if (within(TYPING) && !page) return;
  if (event.key.startsWith("Arrow") && within(OWN_ARROWS)) return;
  if (event.key === "Escape" && !presenter.black && document.querySelector(OPEN)) return;
  const actions = {
    b: () => blank(presenter), ".": () => blank(presenter), n: () => notes(presenter),
    f: fullScreen, Escape: () => presenter.send("leave", true),
  };
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const known = key in turns || key in actions;
  if (!known && !presenter.black) return;
  event.preventDefault();
  if (event.repeat) return;
  // Whatever is pressed, a black screen shows the scene again first.
  if (presenter.black) unblank(presenter);
  else if (key in turns) move(presenter, turns[key]);
  else actions[key]();
}

function move(presenter, by) {
  // A scene that plays something begins with that.
  if (by > 0 && !document.dispatchEvent(new Event("cifarviz-next", { cancelable: true }))) return;
  want(presenter, presenter.at + by);
}

function want(presenter, place) {
  const { scenes, carried } = presenter.data;
  if (place < 0 || place >= scenes.length || place === presenter.at) return;
  presenter.at = presenter.wanted = place;
  clearTimeout(presenter.patience);
  presenter.patience = setTimeout(() => {
    presenter.wanted = null;
    receive(presenter, presenter.data);
  }, PATIENCE);
  const held = new URL(window.location.href).searchParams;
  const values = Object.fromEntries(
    carried.filter((name) => held.has(name)).map((name) => [name, held.get(name)]));
  presenter.send("go", { scene: scenes[place][0], carried: values });
  draw(presenter);
}

function notes(presenter) {
  presenter.data.notes = presenter.wantedNotes = !presenter.data.notes;
  clearTimeout(presenter.notesPatience);
  presenter.notesPatience = setTimeout(() => (presenter.wantedNotes = null), PATIENCE);
  presenter.send("notes", presenter.wantedNotes);
  draw(presenter);
}

function blank(presenter) {
  if (presenter.black) {
    unblank(presenter);
    return;
  }
  presenter.black = document.createElement("div");
  presenter.black.id = "cifarviz-blank";
  presenter.black.style.cssText =
    "position: fixed; inset: 0; background: #000; z-index: 2147483647; cursor: none";
  presenter.black.addEventListener("click", () => unblank(presenter));
  document.body.append(presenter.black);
}

function unblank(presenter) {
  presenter.black?.remove();
  presenter.black = null;
}

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.().catch(() => {});
}

function draw(presenter) {
  const { bar, data, at } = presenter;
  const dots = bar.querySelector(".dots");
  if (dots.children.length !== data.scenes.length) {
    dots.replaceChildren(...data.scenes.map(([, title], place) => {
      const dot = document.createElement("button");
      dot.type = "button";
      dot.className = "dot";
      dot.title = title;
      dot.setAttribute("aria-label", title);
      dot.addEventListener("click", () => {
        want(presenter, place);
        dot.blur();
      });
      return dot;
    }));
  }
  [...dots.children].forEach((dot, place) => {
    if (place === at) dot.setAttribute("aria-current", "step");
    else dot.removeAttribute("aria-current");
  });
  bar.querySelector(".back").disabled = at === 0;
  bar.querySelector(".next").disabled = at === data.scenes.length - 1;
  bar.querySelector(".place").textContent = `${at + 1} of ${data.scenes.length}`;
  bar.querySelector(".notes").setAttribute("aria-pressed", String(data.notes));
  bar.dataset.shown = data.shown;
}

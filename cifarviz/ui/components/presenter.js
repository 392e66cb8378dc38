// Keys and a bar for going through scenes.
//
// Streamlit calls the default export after each run of the script, always with the same
// parentElement. The state of each presenter is kept in `presenters`. scene_keys.js is put before
// this file.
//
// The speaker's window (speaker.js) follows by a BroadcastChannel. This window tells it all it
// shows whenever that changes, and does what it asks. A reload changes nothing: this window keeps
// its id, and the speaker's window asks again.

// Global, because a restarted server loads this script again.
const presenters = (globalThis.cifarvizPresenters ??= new WeakMap());
const PATIENCE = 8000; // milliseconds to wait for the page to show a scene
const OPEN = "[role=dialog], [role=listbox], [data-baseweb=popover]";
const ID = "cifarviz-presentation"; // in sessionStorage

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
      tell(presenter, { type: "left" });
      presenter.channel.close();
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
    id: (sessionStorage[ID] ??= crypto.randomUUID?.() ?? String(Math.random())),
    channel: new BroadcastChannel(CHANNEL),
    followed: false, // whether a speaker's window is open
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
  pressed("runs", () => chooseRun(presenter));
  pressed("speaker", () => openSpeaker(presenter));
  pressed("blank", () => blank(presenter));
  pressed("full", fullScreen);
  pressed("leave", () => leave(presenter));
  const options = { signal: presenter.ended.signal };
  document.addEventListener("keydown", (event) => onKey(presenter, event), options);
  presenter.channel.addEventListener("message", ({ data }) => onMessage(presenter, data), options);
  window.addEventListener("pagehide", () => tell(presenter, { type: "left" }), options);
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
  const key = sceneKey(event);
  if (key === null) return;
  if (key === "Escape" && !presenter.black && document.querySelector(OPEN)) return;
  const actions = {
    b: () => blank(presenter), ".": () => blank(presenter), n: () => notes(presenter),
    f: fullScreen, o: () => chooseRun(presenter), s: () => openSpeaker(presenter),
    Escape: () => leave(presenter),
  };
  const known = key in TURNS || key in actions;
  if (!known && !presenter.black) return;
  event.preventDefault();
  if (event.repeat) return;
  // Whatever is pressed, a black screen shows the scene again first.
  if (presenter.black) unblank(presenter);
  else if (key in TURNS) move(presenter, TURNS[key]);
  else actions[key]();
}

// ---- The speaker's window --------------------------------------------------------------------

function openSpeaker(presenter) {
  const name = SPEAKER_WINDOW + presenter.id;
  // Without an address, a window that is open already stays as it is.
  const opened = window.open("", name, "popup,width=1000,height=720");
  presenter.bar.querySelector(".blocked").textContent = opened ? ""
    : "The browser blocked the speaker’s window: allow pop-ups for this address, then press S again.";
  if (!opened) return;
  if (opened.location.href === "about:blank") {
    const address = new URL(window.location.href);
    address.searchParams.set("speaker", "1");
    address.searchParams.delete("notes");
    opened.location.replace(address);
  }
  opened.focus();
}

function onMessage(presenter, message) {
  if (!presenter.data || (message.to ?? presenter.id) !== presenter.id) return;
  if (message.type === "seek") tell(presenter, { type: "here" });
  else if (message.type === "follow") {
    presenter.followed = true;
    sessionStorage[STARTED] ??= message.started ?? Date.now();
    // Notes are for the speaker's window now.
    if (presenter.data.notes) showNotes(presenter, false);
    tellAll(presenter);
  } else if (message.type === "unfollow") presenter.followed = false;
  else if (message.type === "restart") {
    sessionStorage[STARTED] = Date.now();
    tellAll(presenter);
  } else if (message.type === "key") {
    const pressed = { key: message.key, bubbles: true, cancelable: true };
    document.body.dispatchEvent(new KeyboardEvent("keydown", pressed));
  } else if (message.type === "go") want(presenter, message.place);
  else if (message.type === "choose") {
    presenter.send("choose", { name: message.name, value: message.value });
  }
}

function tell(presenter, message) {
  presenter.channel.postMessage({ ...message, from: presenter.id });
}

function tellAll(presenter) {
  if (!presenter.followed) return;
  const { scenes, shown, speaker } = presenter.data;
  // The address follows the scene a little later.
  const address = new URL(window.location.href);
  address.searchParams.set("scene", scenes[presenter.at][0]);
  tell(presenter, {
    type: "shown", scenes, speaker, place: presenter.at, isBlack: presenter.black !== null,
    isCurrent: scenes[presenter.at][0] === shown, started: Number(sessionStorage[STARTED]),
    address: address.href,
  });
}

// ---- Scenes ----------------------------------------------------------------------------------

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

function leave(presenter) {
  if (presenter.data.choosing) presenter.send("choosing", false);
  else {
    sessionStorage.removeItem(STARTED);
    presenter.send("leave", true);
  }
}

function chooseRun(presenter) {
  presenter.send("choosing", !presenter.data.choosing);
}

function notes(presenter) {
  // The projector does not show what the speaker's window has.
  if (presenter.followed) openSpeaker(presenter);
  else showNotes(presenter, !presenter.data.notes);
}

function showNotes(presenter, areShown) {
  presenter.data.notes = presenter.wantedNotes = areShown;
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
  tellAll(presenter);
}

function unblank(presenter) {
  presenter.black?.remove();
  presenter.black = null;
  if (!presenter.ended.signal.aborted) tellAll(presenter);
}

function draw(presenter) {
  const { bar, data, at } = presenter;
  const dots = bar.querySelector(".dots");
  const titles = JSON.stringify(data.scenes);
  if (presenter.drawn !== titles) {
    presenter.drawn = titles;
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
  bar.querySelector(".runs").setAttribute("aria-pressed", String(data.choosing));
  bar.dataset.shown = data.shown;
  tellAll(presenter);
}

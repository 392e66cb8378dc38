// Replays a run's curves as they grew. All points arrive once, and the timer runs here. For an
// active run the feed sends them again as they grow.
//
// Streamlit calls the default export after each run of the script, always with the same
// parentElement. The state of each replay is kept in `replays`. Drawing is in
// panel.js, which is put before this file.

// Global, because a restarted server loads this script again.
const replays = (globalThis.cifarvizReplays ??= new WeakMap());
const FRAME = 33; // milliseconds between two drawings while it plays
const USUAL = 60, SHORTEST = 5, LONGEST = 3600; // seconds all of it may take (replay.py)
const ADDRESS = 1000; // milliseconds between two notes of the place in the address

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".replay");
  let replay = replays.get(parentElement);
  if (!replay || replay.root !== root) {
    replay = create(root);
    replays.set(parentElement, replay);
  }
  replay.answer = (epoch) => setTriggerValue("fork", epoch);
  replay.begin = () => setTriggerValue("restart", true);
  replay.ask = () => setTriggerValue("rerun", Date.now());
  const text = new TextDecoder().decode(data);
  if (text !== replay.text) {
    replay.text = text;
    replay.given = JSON.parse(text);
  }
  replay.follower.follow();
  receive(replay); // also if nothing is new: the theme may be another
  return () => {
    // Also called when a newer run of the script overtakes this run: then it is still in use.
    setTimeout(() => {
      if (root.isConnected) return;
      pause(replay);
      replay.follower.stop();
      replay.observer.disconnect();
      replay.ended.abort();
      replays.delete(parentElement);
    }, 0);
  };
}

function create(root) {
  const find = (name) => root.querySelector(`.${name}`);
  const replay = {
    root,
    text: null,
    given: null, // what the page has given
    news: null, // what the feed has told of it since
    data: null, // both together: what is drawn
    panels: [],
    at: 0, // where it is, in epochs
    playing: false,
    before: 0, // when it was drawn last, while it plays
    noted: 0,
    ended: new AbortController(),
    tables: find("tables"), words: find("words"), broken: find("broken"), mark: find("mark"), place: find("panels"), controls: find("controls"),
    play: find("play"), track: find("track"), pace: find("pace"), seconds: find("seconds"),
    below: find("below"), rule: find("rule"), fork: find("fork"),
    restart: find("restart"),
    whole: USUAL, // seconds in which all of it is played, where that is the pace
  };
  replay.follower = followerOf(replay);
  replay.observer = new ResizeObserver(() => replay.data && drawAll(replay));
  replay.observer.observe(replay.place);
  replay.play.addEventListener("click", () => (replay.playing ? pause(replay) : play(replay)));
  replay.fork.addEventListener("click", () => replay.answer(forkEpoch(replay)));
  replay.restart.addEventListener("click", () => replay.begin());
  replay.pace.addEventListener("change", () => paceChosen(replay));
  replay.seconds.querySelector("input").addEventListener("change", () => paceChosen(replay));
  listenToTrack(replay);
  const options = { signal: replay.ended.signal };
  // The first press of a clicker's "next" plays what has not been played yet.
  document.addEventListener("cifarviz-next", (event) => {
    if (!replay.data?.player || replay.playing || replay.at > replay.data.begin) return;
    event.preventDefault();
    play(replay);
  }, options);
  document.addEventListener("keydown", (event) => {
    const on = event.composedPath()[0];
    if (event.key !== " " || event.defaultPrevented || !replay.data?.player) return;
    if (on instanceof Element && on.closest("button, a, input, select, textarea, [role=radio]"))
      return;
    event.preventDefault();
    if (!event.repeat) replay.play.click();
  }, options);
  return replay;
}

function listenToTrack(replay) {
  const { track } = replay;
  const there = (event) => {
    const box = track.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    go(replay, epochAt(replay, share * secondsAt(replay, replay.data.until)));
  };
  track.addEventListener("pointerdown", (event) => {
    track.setPointerCapture(event.pointerId);
    pause(replay);
    there(event);
  });
  track.addEventListener("pointermove", (event) => {
    if (track.hasPointerCapture(event.pointerId)) there(event);
  });
  track.addEventListener("pointerup", () => note(replay));
  track.addEventListener("keydown", (event) => {
    const { begin, until } = replay.data;
    const places = {
      ArrowLeft: Math.ceil(replay.at) - 1, ArrowDown: Math.ceil(replay.at) - 1,
      ArrowRight: Math.floor(replay.at) + 1, ArrowUp: Math.floor(replay.at) + 1,
      Home: begin, End: until,
    };
    if (event.key === " ") replay.play.click();
    else if (event.key in places) {
      pause(replay);
      go(replay, places[event.key]);
      note(replay);
    } else return;
    event.preventDefault();
  });
}

function followerOf(replay) {
  return createFollower(replay.root, {
    given: () => ({ live: replay.given.live, ask: replay.ask }),
    onNews(state, message) {
      if (!message.replay && !message.texts) return;
      replay.news = { ...state.replay, ...state.texts };
      receive(replay);
    },
    onBreak(isBroken) {
      replay.broken.textContent = isBroken ? BROKEN_WORDS : "";
    },
    onEnd: () => (replay.news = null),
  });
}

function receive(replay) {
  const before = replay.data;
  let begins = false;
  const data = (replay.data = { ...replay.given, ...replay.news });
  // New data of the same run does not move the player.
  if (!before || before.view !== data.view || before.player !== data.player) {
    replay.playing = false;
    replay.at = data.player ? (data.at ?? data.begin) : data.until;
    setPace(replay, data.pace);
    begins = data.player && data.autoplay && replay.at <= data.begin
      && !matchMedia("(prefers-reduced-motion: reduce)").matches;
  }
  if (!data.player) replay.at = data.until;
  replay.at = Math.min(Math.max(replay.at, data.begin), data.until);
  replay.controls.hidden = !data.player;
  replay.mark.className = `mark ${data.mark}`;
  replay.mark.textContent = data.mark === "live" ? "● live" : data.mark;
  replay.restart.textContent = data.restart;
  replay.below.hidden = !data.below;
  replay.below.textContent = data.below;
  replay.place.style.height = `${data.height}rem`;
  replay.root.setAttribute("role", "figure");
  replay.root.setAttribute("aria-label", data.description);
  drawAll(replay);
  if (begins) play(replay);
}

// ---- Playing ---------------------------------------------------------------------------------

function play(replay) {
  const { begin, until } = replay.data;
  if (replay.at >= until) replay.at = begin;
  replay.playing = true;
  replay.before = performance.now();
  show(replay);
  requestAnimationFrame(() => step(replay));
}

function pause(replay) {
  if (!replay.playing) return;
  replay.playing = false;
  note(replay);
  show(replay);
}

function step(replay) {
  if (!replay.playing || !replay.root.isConnected) return;
  const now = performance.now();
  if (now - replay.before >= FRAME) {
    const passed = ((now - replay.before) / 1000) * timesFaster(replay);
    replay.before = now;
    const at = epochAt(replay, secondsAt(replay, replay.at) + passed);
    replay.at = Math.min(at, replay.data.until);
    if (replay.at >= replay.data.until) pause(replay);
    else if (now - replay.noted > ADDRESS) note(replay);
    show(replay);
  }
  requestAnimationFrame(() => step(replay));
}

function go(replay, at) {
  replay.at = Math.min(Math.max(at, replay.data.begin), replay.data.until);
  show(replay);
}

function timesFaster(replay) {
  const word = paceWord(replay);
  const number = parseInt(word, 10);
  const whole = secondsAt(replay, replay.data.until);
  return word.endsWith("x") ? number : Math.max(whole / number, 1e-6);
}

// Steps are spread evenly over their epoch; an unfinished epoch counts as an average epoch.
function secondsAt(replay, at) {
  const { begin, clock } = replay.data;
  const place = at - begin, count = clock.length - 1;
  if (place >= count) return clock[count] + (place - count) * mean(clock);
  const whole = Math.floor(place);
  return clock[whole] + (place - whole) * (clock[whole + 1] - clock[whole]);
}

function epochAt(replay, seconds) {
  const { begin, clock } = replay.data;
  const count = clock.length - 1;
  if (seconds >= clock[count]) return begin + count + (seconds - clock[count]) / mean(clock);
  const whole = Math.max(clock.findIndex((time) => time > seconds) - 1, 0);
  return begin + whole + (seconds - clock[whole]) / (clock[whole + 1] - clock[whole]);
}

function mean(clock) {
  return clock.length > 1 ? clock.at(-1) / (clock.length - 1) : 10;
}

// ---- Pace, place and the address -------------------------------------------------------------

function setPace(replay, word) {
  const inTimes = word.endsWith("x");
  if (inTimes && ![...replay.pace.options].some((option) => option.value === word)) {
    const option = new Option(`${parseInt(word, 10)}×`, word);
    replay.pace.prepend(option);
  }
  replay.pace.value = inTimes ? word : "s";
  replay.whole = inTimes ? USUAL : parseInt(word, 10);
  replay.seconds.querySelector("input").value = replay.whole;
  replay.seconds.hidden = inTimes;
  replay.rule.hidden = true;
}

function paceChosen(replay) {
  const field = replay.seconds.querySelector("input");
  const inSeconds = replay.pace.value === "s", wanted = Number(field.value);
  const fits = Number.isInteger(wanted) && wanted >= SHORTEST && wanted <= LONGEST;
  if (fits) replay.whole = wanted;
  else if (!inSeconds) field.value = replay.whole;
  // An invalid number stays visible beside the rule, but is not used.
  replay.rule.hidden = fits || !inSeconds;
  replay.rule.textContent = `${SHORTEST} to ${LONGEST} s; still ${replay.whole} s`;
  field.setAttribute("aria-invalid", String(!replay.rule.hidden));
  replay.seconds.hidden = !inSeconds;
  note(replay);
  show(replay);
}

function paceWord(replay) {
  return replay.pace.value === "s" ? `${replay.whole}s` : replay.pace.value;
}

// Replaces the address, so that Back does not step through the recording.
function note(replay) {
  if (!replay.root.isConnected) return; // the address is another page's by now
  replay.noted = performance.now();
  const address = new URL(window.location.href);
  address.searchParams.set("at", replay.at.toFixed(2));
  address.searchParams.set("pace", paceWord(replay));
  window.history.replaceState(window.history.state, "", address);
}

function forkEpoch(replay) {
  return replay.data.forks.filter((epoch) => epoch <= replay.at + 1e-6).at(-1);
}

// ---- What moves ------------------------------------------------------------------------------

function drawAll(replay) {
  const { data, place } = replay;
  if (place.children.length !== data.panels.length) {
    place.replaceChildren(...data.panels.map(() => panelElement()));
  }
  if (!place.clientWidth) return;
  replay.panels = data.panels.map((panel, number) =>
    drawPanel(place.children[number], panel, data, `c${number}`));
  replaceTables(replay.tables, data.panels.map((panel) => panelTable(panel, data.epochs)));
  show(replay);
}

function panelTable(panel, epochs) {
  const columns = [panel.training, panel.validation];
  const isShare = panel.metric === "accuracy";
  return tableElement(
    panel.title,
    ["Epoch", "Training", "Validation"],
    shownRows(epochs.length, columns).map((row) => [
      String(epochs[row]), ...columns.map((values) => format(values[row], isShare))]),
  );
}

function show(replay) {
  const { data, at } = replay;
  const done = Math.min(Math.floor(at + 1e-6), data.begin + data.epochs.length);
  for (const panel of replay.panels) showPanel(panel, data, at, done);
  const spent = secondsAt(replay, at), whole = secondsAt(replay, data.until);
  const epoch = done === 0 && at === 0 ? "Before the first step"
    : done < at - 1e-6 ? `In epoch ${done + 1} of ${data.last}` : `After epoch ${done} of ${data.last}`;
  const speed = timesFaster(replay);
  const times = speed < 10 ? speed.toFixed(1).replace(".0", "") : Math.round(speed);
  const ran = data.player ? `${clockText(spent)} of ${clockText(whole)} min` : "";
  replay.words.textContent = [epoch, ran, data.player ? `Replayed at ${times}×` : ""]
    .filter(Boolean).join("  ·  ");
  const share = whole ? (100 * spent) / whole : 0;
  replay.root.querySelector(".done").style.width = `${share}%`;
  replay.root.querySelector(".handle").style.left = `${share}%`;
  replay.play.textContent = replay.playing ? "❚❚ Pause" : "▶ Play";
  const from = forkEpoch(replay);
  replay.fork.hidden = from === undefined;
  replay.restart.hidden = !data.restart || !replay.fork.hidden;
  replay.fork.textContent = `Continue live from epoch ${from}`;
  replay.track.setAttribute("aria-valuemin", data.begin);
  replay.track.setAttribute("aria-valuemax", data.until);
  replay.track.setAttribute("aria-valuenow", at.toFixed(2));
  replay.track.setAttribute("aria-valuetext", replay.words.textContent);
  replay.root.dataset.playing = replay.playing;
  replay.root.dataset.at = at.toFixed(2);
}

function clockText(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

// Draws items, and updates only what has changed.
//
// Streamlit calls the default export after each run of the script, always with the same
// parentElement. The state of each place is kept in `places`.

// Global, because a restarted server loads this script again.
const places = (globalThis.cifarvizPlaces ??= new WeakMap());

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".live-items");
  let place = places.get(parentElement);
  if (!place || place.root !== root) {
    place = { root, drawn: new Map(), data: null, newest: null, told: {} };
    place.follower = followerOf(place);
    places.set(parentElement, place);
  }
  place.told = { ...place.newest };
  place.data = JSON.parse(new TextDecoder().decode(data));
  place.ask = () => setTriggerValue("rerun", Date.now());
  place.follower.follow();
  draw(place);
  return () => {
    // Also called when a newer run of the script overtakes this run: then it is still in use.
    setTimeout(() => {
      if (root.isConnected) return;
      place.follower.stop();
      places.delete(parentElement);
    }, 0);
  };
}

function followerOf(place) {
  return createFollower(place.root, {
    given: () => ({ live: place.data.live, ask: place.ask }),
    onNews(state) {
      place.newest = state.items ?? {};
      // What has ended is in no message any more: its last line stands until the page is run.
      place.told = { ...place.told, ...place.newest };
      draw(place);
    },
    onBreak: (isBroken) => reportBreak(place, isBroken),
    onEnd() {
      place.newest = null;
      place.told = {};
    },
  });
}

function reportBreak(place, isBroken) {
  place.report?.remove();
  place.report = null;
  if (!isBroken || !place.data.reportsBreak) return;
  place.report = document.createElement("div");
  place.report.className = "broken";
  place.report.setAttribute("role", "status");
  place.report.textContent = BROKEN_WORDS;
  place.root.append(place.report);
}

function draw(place) {
  const names = place.data.alone && place.newest
    ? Object.keys(place.newest) : Object.keys(place.data.items);
  for (const [name, line] of place.drawn) {
    if (names.includes(name)) continue;
    line.element.remove();
    place.drawn.delete(name);
  }
  for (const [position, name] of names.entries()) {
    const item = place.told[name] ?? place.data.items[name];
    let line = place.drawn.get(name);
    if (!line) {
      line = create();
      place.drawn.set(name, line);
    }
    const before = place.root.children[position];
    if (before !== line.element) place.root.insertBefore(line.element, before ?? null);
    show(line, item);
  }
}

function create() {
  const element = document.createElement("div");
  element.className = "item";
  element.innerHTML =
    '<div class="title"></div><div class="words"><span class="badge"></span><span class="text">' +
    '</span></div><div class="bar" role="progressbar" aria-valuemin="0" aria-valuemax="100">' +
    '<div></div></div><dl class="metrics"></dl><div class="note"></div>';
  const find = (name) => element.querySelector(`.${name}`);
  return {
    element, title: find("title"), words: find("words"), badge: find("badge"), text: find("text"),
    bar: find("bar"), metrics: find("metrics"), note: find("note"),
  };
}

function show(line, item) {
  write(line.title, item.title);
  write(line.badge, item.badge);
  write(line.text, item.text);
  write(line.note, item.note);
  line.words.hidden = !item.badge && !item.text;
  if (line.badge.dataset.color !== item.color) line.badge.dataset.color = item.color ?? "gray";
  const share = item.share ?? null;
  line.bar.hidden = share === null;
  if (share !== null) {
    const percent = Math.min(100, Math.max(0, 100 * share));
    line.bar.firstElementChild.style.width = `${percent.toFixed(1)}%`;
    line.bar.setAttribute("aria-valuenow", percent.toFixed(0));
    line.bar.setAttribute("aria-label", item.title || "Progress");
  }
  const metrics = item.metrics ?? [];
  line.metrics.hidden = metrics.length === 0;
  while (line.metrics.children.length > metrics.length) line.metrics.lastElementChild.remove();
  metrics.forEach((metric, number) => {
    const cell = line.metrics.children[number] ?? line.metrics.appendChild(metricElement());
    const [label, value, note] = cell.children;
    write(label, metric.label);
    write(value, metric.value);
    write(note, metric.note);
    if (cell.title !== metric.hint) cell.title = metric.hint;
  });
}

function metricElement() {
  const cell = document.createElement("div");
  cell.innerHTML = '<dt></dt><dd class="value"></dd><dd class="small"></dd>';
  return cell;
}

function write(element, text) {
  const wanted = text ?? "";
  if (element.textContent !== wanted) element.textContent = wanted;
  element.hidden = wanted === "";
}

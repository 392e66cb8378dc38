// A slider over epochs, drawn on a run's curves, with a player.
//
// Streamlit calls the default export after each run of the script, always with the same
// parentElement. The state of each slider is kept in `sliders`.

// Global, because a restarted server loads this script again.
const sliders = (globalThis.cifarvizSliders ??= new WeakMap());
const PATIENCE = 4000; // milliseconds to wait for the page to show a step, twice
const SVG = "http://www.w3.org/2000/svg";
// All in rem, so that the slider grows with the page's font.
const SIDE = 1; // left and right of the first and last epoch
const TOP = 0.6, BOTTOM = 1.9;

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const track = parentElement.querySelector(".track");
  let slider = sliders.get(parentElement);
  if (!slider || slider.track !== track) {
    slider = create(parentElement, track);
    sliders.set(parentElement, slider);
  }
  slider.answer = (epoch) => setTriggerValue("epoch", epoch);
  receive(slider, JSON.parse(new TextDecoder().decode(data)));
  return () => {
    // Also called when a newer run of the script overtakes this run: then the slider is still in use.
    setTimeout(() => {
      if (track.isConnected) return;
      pause(slider);
      slider.observer.disconnect();
      slider.stuck.disconnect();
      slider.ended.abort();
      sliders.delete(parentElement);
    }, 0);
  };
}

function create(parent, track) {
  const slider = {
    track,
    play: parent.querySelector(".play"),
    pace: parent.querySelector(".pace"),
    words: parent.querySelector(".words"),
    about: parent.querySelector(".about"),
    legend: parent.querySelector(".legend"),
    svg: track.querySelector("svg"),
    data: null,
    at: null, // the epoch of the cursor: what is shown, or what was asked for last
    sent: null, // what the page was asked for and has not shown yet
    patience: 0,
    playing: false,
    timer: 0,
    ended: new AbortController(),
  };
  slider.observer = new ResizeObserver(() => slider.data && draw(slider));
  slider.observer.observe(track);
  // Held at the top (assets/style.css), it touches a line a pixel below where it is held.
  slider.stuck = new IntersectionObserver(
    ([entry]) => {
      const above = entry.boundingClientRect.top < entry.rootBounds.top;
      slider.about.hidden = entry.intersectionRatio === 1 || !above;
    },
    { rootMargin: "-65px 0px 0px 0px", threshold: [0, 0.5, 0.9, 0.97, 1] },
  );
  slider.stuck.observe(track.parentElement);
  // The first press of a presenter's "next" plays what has not been played yet.
  document.addEventListener("cifarviz-next", (event) => {
    if (!slider.data || slider.playing || slider.at !== slider.data.stops[0]) return;
    if (slider.data.stops.length < 2) return;
    event.preventDefault();
    start(slider);
  }, { signal: slider.ended.signal });
  // After Back the player does not continue.
  addEventListener("popstate", () => pause(slider), { signal: slider.ended.signal });
  slider.play.addEventListener("click", () => (slider.playing ? pause(slider) : start(slider)));
  track.addEventListener("pointerdown", (event) => {
    track.setPointerCapture(event.pointerId);
    pause(slider);
    want(slider, nearest(slider, event));
  });
  track.addEventListener("pointermove", (event) => {
    if (track.hasPointerCapture(event.pointerId)) want(slider, nearest(slider, event));
  });
  track.addEventListener("keydown", (event) => {
    const { stops } = slider.data;
    const here = stops.indexOf(slider.at);
    const places = {
      ArrowLeft: here - 1, ArrowDown: here - 1, ArrowRight: here + 1, ArrowUp: here + 1,
      Home: 0, End: stops.length - 1,
    };
    if (event.key === " ") slider.play.click();
    else if (event.key in places) {
      pause(slider);
      want(slider, stops[Math.min(Math.max(places[event.key], 0), stops.length - 1)]);
    } else return;
    event.preventDefault();
  });
  return slider;
}

function receive(slider, data) {
  slider.data = data;
  if (slider.sent === null) slider.at = data.shown;
  else if (data.shown === slider.sent) shown(slider);
  draw(slider);
  // More stops may have come for a player that waits at the end.
  if (slider.playing && slider.sent === null) next(slider);
}

// The page shows what it was asked for. What has been wanted since is asked for now.
function shown(slider) {
  clearTimeout(slider.patience);
  slider.sent = null;
  if (slider.at !== slider.data.shown && slider.data.stops.includes(slider.at)) send(slider);
  else slider.at = slider.data.shown;
}

function want(slider, epoch) {
  if (epoch === undefined || epoch === slider.at) return;
  slider.at = epoch;
  draw(slider);
  if (slider.sent === null) send(slider);
}

function send(slider, isAgain = false) {
  slider.sent = slider.at;
  clearTimeout(slider.patience);
  slider.patience = setTimeout(() => {
    // A request that came as a run of the page ended may have been lost: it is made once more.
    if (!isAgain) return send(slider, true);
    slider.sent = null;
    slider.at = slider.data.shown;
    pause(slider);
    draw(slider);
  }, PATIENCE);
  slider.answer(slider.at);
}

function start(slider) {
  const { stops, growing } = slider.data;
  slider.playing = true;
  if (slider.at === stops.at(-1) && !growing) want(slider, stops[0]);
  else next(slider, 0);
  draw(slider);
}

function pause(slider) {
  slider.playing = false;
  clearTimeout(slider.timer);
  slider.timer = 0;
  if (slider.data) label(slider);
}

// One step on, when what is shown has been painted and looked at for as long as the pace says.
function next(slider, wait = Number(slider.pace.value)) {
  if (slider.timer) return;
  if (slider.at === slider.data.stops.at(-1)) {
    // More may come, or this was the end.
    if (!slider.data.growing) pause(slider);
    return;
  }
  requestAnimationFrame(() => requestAnimationFrame(() => {
    if (!slider.playing || slider.timer) return;
    slider.timer = setTimeout(() => {
      slider.timer = 0;
      if (!slider.playing || slider.sent !== null) return;
      const { stops } = slider.data;
      want(slider, stops[stops.indexOf(slider.at) + 1]);
    }, wait);
  }));
}

// ---- Drawing ---------------------------------------------------------------------------------

function draw(slider) {
  const { svg, track, data } = slider;
  const width = track.clientWidth, height = track.clientHeight;
  if (!width) return;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const side = SIDE * rem, top = TOP * rem, bottom = BOTTOM * rem;
  const last = Math.max(data.stops.at(-1), data.training.length, 1);
  slider.x = (epoch) => side + (epoch / last) * (width - 2 * side);
  const values = [...data.training, ...data.validation].filter((value) => value !== null);
  const low = Math.min(...values), high = Math.max(...values);
  const y = (value) => top + (1 - (value - low) / (high - low || 1)) * (height - top - bottom);
  svg.replaceChildren();
  for (const kind of ["training", "validation"]) {
    add(svg, "path", { class: `curve ${kind}`, d: pathOf(data[kind], slider.x, y) });
  }
  const line = height - bottom + 0.5 * rem;
  for (const epoch of data.stops) {
    const stop = add(svg, "circle", { class: "stop", cx: slider.x(epoch), cy: line, r: 0.19 * rem });
    add(stop, "title", {}).textContent = `Epoch ${epoch}`;
  }
  const ends = [data.stops[0], data.stops.at(-1)];
  for (const epoch of new Set(data.best === null ? ends : [...ends, data.best])) {
    const star = epoch === data.best ? "★" : "";
    const words = ends.includes(epoch) ? `${epoch}${star}` : star;
    add(svg, "text", { x: slider.x(epoch), y: height - 0.3 * rem }).textContent = words;
  }
  const at = slider.x(slider.at);
  add(svg, "line", { class: "cursor", x1: at, x2: at, y1: 2, y2: line });
  add(svg, "circle", { class: "handle", cx: at, cy: line, r: 0.5 * rem });
  label(slider);
}

function label(slider) {
  const { data, at } = slider;
  const words = [at === 0 ? "Before training" : `Epoch ${at}`];
  for (const kind of ["training", "validation"]) {
    const value = data[kind][at - 1];
    if (value !== undefined && value !== null) words.push(`${kind} ${value.toPrecision(3)}`);
  }
  const [head, ...rest] = words;
  slider.about.textContent = data.about;
  slider.words.textContent = rest.length ? `${head}: ${data.curve} ${rest.join(", ")}` : head;
  slider.track.setAttribute("aria-valuemin", data.stops[0]);
  slider.track.setAttribute("aria-valuemax", data.stops.at(-1));
  slider.track.setAttribute("aria-valuenow", at);
  slider.track.setAttribute("aria-valuetext", slider.words.textContent);
  slider.track.dataset.shown = data.shown;
  slider.play.textContent = slider.playing ? "❚❚ Pause" : "▶ Play";
  const kinds = ["training", "validation"].filter((kind) => data[kind].some((v) => v !== null));
  slider.legend.replaceChildren(...kinds.flatMap((kind) => {
    const mark = document.createElement("i");
    mark.className = kind;
    return [mark, `${kind} ${data.curve}`];
  }));
}

function pathOf(values, x, y) {
  let path = "", pen = "M";
  values.forEach((value, index) => {
    if (value === null) pen = "M";
    else {
      path += `${pen}${x(index + 1).toFixed(1)},${y(value).toFixed(1)}`;
      pen = "L";
    }
  });
  return path;
}

function add(parent, name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

function nearest(slider, event) {
  const place = event.clientX - slider.track.getBoundingClientRect().left;
  const far = (epoch) => Math.abs(slider.x(epoch) - place);
  return slider.data.stops.reduce((best, epoch) => (far(epoch) < far(best) ? epoch : best));
}

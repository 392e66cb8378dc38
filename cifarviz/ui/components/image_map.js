// Thousands of pictures at their positions on a plane, to be moved, zoomed, circled and clicked.
//
// Streamlit calls the default export after each run of the script, always with the same
// parentElement. The state of each map is kept in `maps`.

// Global, because a restarted server loads this script again.
const maps = (globalThis.cifarvizImageMaps ??= new WeakMap());
const MOVING = 300; // milliseconds that points take to a new position
const MARGIN = 0.06; // of the frame, around all points
const CLOSEST = 60; // times the scale at which all points are in sight
const CLICK = 4; // pixels that a press may move and still be a click
const TIP_SIDE = 96;
const STEP = 60; // pixels, for a press of an arrow key
const FADED = 0.15;
const FEWEST = 3; // corners of a lasso
const still = matchMedia("(prefers-reduced-motion: reduce)");

export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component;
  const canvas = parentElement.querySelector(".frame > canvas");
  let map = maps.get(parentElement);
  if (!map || map.canvas !== canvas) {
    map = create(parentElement, canvas);
    maps.set(parentElement, map);
  }
  map.open = (index) => setTriggerValue("click", index);
  map.tell = (chosen) => setStateValue("chosen", chosen);
  receive(map, data);
  return () => {
    // Also called when a newer run of the script overtakes this run: then the map is still in use.
    setTimeout(() => {
      if (canvas.isConnected) return;
      map.observer.disconnect();
      map.theme.disconnect();
      cancelAnimationFrame(map.frame);
      maps.delete(parentElement);
    }, 0);
  };
}

function create(parent, canvas) {
  const find = (name) => parent.querySelector(`[data-does=${name}]`);
  const map = {
    canvas,
    pen: canvas.getContext("2d"),
    tip: parent.querySelector(".tip"),
    words: parent.querySelector(".words"),
    legend: parent.querySelector(".legend"),
    modes: { move: find("move"), lasso: find("lasso") },
    clear: find("clear"),
    revision: null,
    head: null,
    sheet: null, // all thumbnails, as soon as they are decoded
    discs: null, // the same, each cut to an ellipse
    from: null, // positions before the points move, x and y of each in turn
    to: null,
    now: null,
    since: 0,
    hidden: new Set(), // groups, by their names
    only: null, // the group in the legend that the pointer is on: others fade
    chosen: null, // a set of indices
    mode: "move",
    view: { x: 0, y: 0, zoom: 1 }, // the middle of the frame, in positions
    fit: { x: 0, y: 0, scale: 1 }, // the view that shows all points
    width: 0,
    height: 0,
    pointers: new Map(),
    drag: null, // what the first pointer does: where it began, its lasso
    near: null, // the picture that the pointer or, with keys, the middle means
    byKeys: false,
    frame: 0,
  };
  map.observer = new ResizeObserver(() => resize(map));
  map.observer.observe(canvas.parentElement);
  // The lasso and the rings have colours of the theme.
  map.theme = new MutationObserver(() => draw(map));
  map.theme.observe(document.documentElement, { attributes: true, attributeFilter: ["style", "class"] });
  const does = {
    move: () => setMode(map, "move"),
    lasso: () => setMode(map, "lasso"),
    closer: () => zoom(map, 1.5),
    farther: () => zoom(map, 1 / 1.5),
    fit: () => showAll(map),
    view: () => choose(map, inView(map)),
    clear: () => choose(map, null),
  };
  for (const [name, action] of Object.entries(does)) find(name).addEventListener("click", action);
  listen(map);
  return map;
}

// A line of JSON, the positions as float32, the thumbnails.
function receive(map, bytes) {
  const end = bytes.indexOf(10);
  const text = new TextDecoder().decode(bytes.subarray(0, end));
  if (text === map.revision) return;
  map.revision = text;
  const before = map.head, head = JSON.parse(text);
  const sheetAt = end + 1 + 8 * head.count;
  const positions = new Float32Array(bytes.slice(end + 1, sheetAt).buffer);
  map.head = head;
  const isSame = before !== null && before.sheet === head.sheet;
  if (!isSame) readSheet(map, bytes.slice(sheetAt));
  const isMoving = isSame && !still.matches && map.now !== null;
  map.from = isMoving ? map.now.slice() : positions;
  map.to = positions;
  map.now = map.from.slice();
  map.since = performance.now();
  measure(map);
  if (!isSame) {
    // Positions of other pictures have nothing to do with what was looked at.
    map.view = { x: map.fit.x, y: map.fit.y, zoom: 1 };
    map.hidden.clear();
    if (map.chosen) choose(map, null);
  }
  if (!before || JSON.stringify(before.groups) !== JSON.stringify(head.groups)) buildLegend(map);
  map.canvas.setAttribute("aria-label", head.description);
  point(map, null);
  draw(map);
}

async function readSheet(map, jpeg) {
  map.sheet = null;
  const name = map.head.sheet;
  const sheet = await createImageBitmap(new Blob([jpeg], { type: "image/jpeg" }));
  if (map.head.sheet !== name) return;
  map.sheet = sheet;
  map.discs = cutDiscs(map.head, sheet);
  draw(map);
}

function buildLegend(map) {
  const { head, legend } = map;
  const counts = head.groups.map(() => 0);
  for (const group of head.group) counts[group] += 1;
  const names = new Set(head.groups.map(([name]) => name));
  map.hidden = new Set([...map.hidden].filter((name) => names.has(name)));
  map.only = null;
  legend.setAttribute("aria-label", head.legend);
  legend.replaceChildren(...head.groups.map(([name, color, isRound], group) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `${name} ${counts[group].toLocaleString("en")}`;
    button.style.setProperty("--color", color);
    button.classList.toggle("round", isRound);
    button.title = "Show or hide these images";
    button.setAttribute("aria-pressed", String(!map.hidden.has(name)));
    button.addEventListener("click", () => {
      if (!map.hidden.delete(name)) map.hidden.add(name);
      button.setAttribute("aria-pressed", String(!map.hidden.has(name)));
      point(map, null);
      draw(map);
    });
    const single = (only) => {
      map.only = only;
      draw(map);
    };
    button.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && single(group));
    button.addEventListener("pointerleave", () => single(null));
    return button;
  }));
}

// ---- Places ----------------------------------------------------------------------------------

function resize(map) {
  const { canvas } = map;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width || (width === map.width && height === map.height && map.ratio === devicePixelRatio)) return;
  Object.assign(map, { width, height, ratio: devicePixelRatio });
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
  if (!map.head) return;
  measure(map);
  // At once: a canvas with another size is empty.
  paint(map);
}

function measure(map) {
  const { to, width, height, head } = map;
  if (!width) return;
  let left = Infinity, right = -Infinity, bottom = Infinity, top = -Infinity;
  for (let i = 0; i < head.count; i += 1) {
    left = Math.min(left, to[2 * i]);
    right = Math.max(right, to[2 * i]);
    bottom = Math.min(bottom, to[2 * i + 1]);
    top = Math.max(top, to[2 * i + 1]);
  }
  const across = Math.max(right - left, 1e-6), up = Math.max(top - bottom, 1e-6);
  const share = 1 - 2 * MARGIN;
  const isFit = map.view.zoom === 1 && map.view.x === map.fit.x && map.view.y === map.fit.y;
  map.fit = {
    x: (left + right) / 2,
    y: (bottom + top) / 2,
    scale: Math.min((share * width) / across, (share * height) / up),
  };
  setTouch(map);
  if (isFit) map.view = { x: map.fit.x, y: map.fit.y, zoom: 1 };
  // So that pictures would fill most of the frame if they were spread evenly.
  map.smallest = Math.min(Math.max(0.75 * Math.sqrt((width * height) / head.count), 10), 48);
}

function scaleOf(map) {
  return map.fit.scale * map.view.zoom;
}

// Pixels of a picture's longer side: pictures grow more slowly than the map, and move apart.
function sideOf(map) {
  return Math.min(map.smallest * map.view.zoom ** 0.7, 160);
}

// All thumbnails of a sheet, cut once: cutting each in every frame of a movement would be slow.
function cutDiscs(head, sheet) {
  const discs = new OffscreenCanvas(sheet.width, sheet.height);
  const pen = discs.getContext("2d");
  const [width, height] = head.tile;
  pen.beginPath();
  for (let i = 0; i < head.count; i += 1) {
    const column = i % head.columns, row = (i - column) / head.columns;
    const x = column * head.cell[0] + width / 2, y = row * head.cell[1] + height / 2;
    pen.moveTo(x + width / 2, y);
    pen.ellipse(x, y, width / 2, height / 2, 0, 0, 2 * Math.PI);
  }
  pen.clip();
  pen.drawImage(sheet, 0, 0);
  return discs;
}

// Pixels of the coloured frame around a picture.
function edgeOf(side) {
  return Math.max(2, side / 10);
}

function screenX(map, i) {
  return map.width / 2 + (map.now[2 * i] - map.view.x) * scaleOf(map);
}

function screenY(map, i) {
  return map.height / 2 - (map.now[2 * i + 1] - map.view.y) * scaleOf(map);
}

function isShown(map, i) {
  return !map.hidden.size || !map.hidden.has(map.head.groups[map.head.group[i]][0]);
}

function zoom(map, factor, x = map.width / 2, y = map.height / 2) {
  const { view } = map;
  const zoomed = Math.min(Math.max(view.zoom * factor, 1), CLOSEST);
  const before = scaleOf(map), after = map.fit.scale * zoomed;
  // What is below the pointer stays there.
  view.x += (x - map.width / 2) * (1 / before - 1 / after);
  view.y -= (y - map.height / 2) * (1 / before - 1 / after);
  const isChanged = zoomed !== view.zoom;
  view.zoom = zoomed;
  if (zoomed === 1) Object.assign(view, { x: map.fit.x, y: map.fit.y });
  moved(map);
  return isChanged;
}

function pan(map, across, down) {
  map.view.x -= across / scaleOf(map);
  map.view.y += down / scaleOf(map);
  moved(map);
}

function showAll(map) {
  map.view = { x: map.fit.x, y: map.fit.y, zoom: 1 };
  moved(map);
}

function moved(map) {
  setTouch(map);
  point(map, map.byKeys ? middle(map) : null);
  draw(map);
}

// ---- Drawing ---------------------------------------------------------------------------------

function draw(map) {
  map.frame ||= requestAnimationFrame(() => {
    map.frame = 0;
    if (map.head && map.width && map.canvas.isConnected) paint(map);
  });
}

function paint(map) {
  const { pen, head, now, from, to } = map;
  const share = still.matches ? 1 : Math.min((performance.now() - map.since) / MOVING, 1);
  if (share < 1) {
    const eased = share * share * (3 - 2 * share);
    for (let i = 0; i < now.length; i += 1) now[i] = from[i] + (to[i] - from[i]) * eased;
    draw(map);
  } else if (from !== to) {
    now.set(to);
    map.from = to;
  }
  const style = getComputedStyle(map.canvas);
  const colors = { text: style.color, page: style.getPropertyValue("--st-background-color") };
  pen.setTransform(map.ratio, 0, 0, map.ratio, 0, 0);
  pen.clearRect(0, 0, map.width, map.height);
  const side = sideOf(map);
  pen.imageSmoothingEnabled = side < 1.5 * Math.max(...head.tile);
  const isFaded = (i) => (map.chosen && !map.chosen.has(i)) || (map.only !== null && map.only !== head.group[i]);
  if (map.chosen || map.only !== null) {
    pen.globalAlpha = FADED;
    for (let i = 0; i < head.count; i += 1) if (isFaded(i)) paintPicture(map, i, side);
    pen.globalAlpha = 1;
  }
  for (let i = 0; i < head.count; i += 1) if (!isFaded(i)) paintPicture(map, i, side);
  if (map.near !== null) paintNear(map, side, colors);
  if (map.drag?.lasso) paintLasso(map, colors);
}

function paintPicture(map, i, side) {
  const { pen, head } = map;
  const [width, height] = head.tile;
  const share = side / Math.max(width, height);
  const w = width * share, h = height * share, edge = edgeOf(side);
  const x = screenX(map, i) - w / 2, y = screenY(map, i) - h / 2;
  if (x > map.width || y > map.height || x + w < 0 || y + h < 0 || !isShown(map, i)) return;
  const [, color, isRound] = head.groups[head.group[i]];
  pen.fillStyle = color;
  if (isRound) {
    pen.beginPath();
    pen.ellipse(x + w / 2, y + h / 2, w / 2 + edge, h / 2 + edge, 0, 0, 2 * Math.PI);
    pen.fill();
  } else pen.fillRect(x - edge, y - edge, w + 2 * edge, h + 2 * edge);
  const sheet = isRound ? map.discs : map.sheet;
  if (!sheet) return;
  const column = i % head.columns, row = (i - column) / head.columns;
  pen.drawImage(sheet, column * head.cell[0], row * head.cell[1], width, height, x, y, w, h);
}

function paintNear(map, side, colors) {
  const { pen, near, head } = map;
  paintPicture(map, near, side);
  const share = side / Math.max(...head.tile), edge = edgeOf(side) + 1;
  const w = head.tile[0] * share + 2 * edge, h = head.tile[1] * share + 2 * edge;
  pen.strokeStyle = colors.text;
  pen.lineWidth = 2;
  pen.strokeRect(screenX(map, near) - w / 2, screenY(map, near) - h / 2, w, h);
}

function paintLasso(map, colors) {
  const { pen, drag } = map;
  pen.beginPath();
  for (const [x, y] of drag.lasso) pen.lineTo(x, y);
  pen.closePath();
  pen.globalAlpha = 0.2;
  pen.fillStyle = colors.text;
  pen.fill("evenodd");
  pen.globalAlpha = 1;
  // Two lines, so that it stands out from any picture.
  for (const [color, width] of [[colors.page, 6], [colors.text, 2.5]]) {
    pen.strokeStyle = color;
    pen.lineWidth = width;
    pen.stroke();
  }
}

// ---- Selection -------------------------------------------------------------------------------

function setMode(map, mode) {
  map.mode = mode;
  for (const [name, button] of Object.entries(map.modes))
    button.setAttribute("aria-pressed", String(name === mode));
  map.canvas.classList.toggle("lasso", mode === "lasso");
  setTouch(map);
}

// Two fingers zoom in any case; one moves the map where there is more of it, or draws the lasso.
function setTouch(map) {
  map.canvas.classList.toggle("fitted", isFitted(map));
}

function isFitted(map) {
  return map.mode === "move" && map.view.zoom === 1;
}

function choose(map, indices) {
  map.chosen = indices?.length ? new Set(indices) : null;
  map.clear.hidden = !map.chosen;
  map.tell(map.chosen ? [...map.chosen] : null);
  say(map);
  draw(map);
}

function inView(map) {
  const found = [];
  for (let i = 0; i < map.head.count; i += 1) {
    const x = screenX(map, i), y = screenY(map, i);
    if (isShown(map, i) && x >= 0 && y >= 0 && x <= map.width && y <= map.height) found.push(i);
  }
  return found;
}

function inLasso(map, corners) {
  const found = [];
  for (let i = 0; i < map.head.count; i += 1) {
    if (isShown(map, i) && isInside(corners, screenX(map, i), screenY(map, i))) found.push(i);
  }
  return found;
}

// Even-odd rule: inside, a line to the left crosses the lasso an odd number of times.
function isInside(corners, x, y) {
  let inside = false;
  for (let i = 0, j = corners.length - 1; i < corners.length; j = i, i += 1) {
    const [ax, ay] = corners[i], [bx, by] = corners[j];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

// ---- Words -----------------------------------------------------------------------------------

function textOf(map, i) {
  const { head } = map;
  const { indices, labels, predicted, confidence, classes, noun } = head;
  const mark = labels[i] === predicted[i] ? "✓" : "✗";
  return `${noun} ${indices[i]}: ${classes[labels[i]]}\n${mark} ${classes[predicted[i]]} ${confidence[i]}%`;
}

function say(map) {
  const { head, chosen, near, words } = map;
  if (map.byKeys && near !== null) words.textContent = textOf(map, near).replace("\n", ", predicted ");
  else if (chosen) {
    const counts = new Map();
    for (const i of chosen) {
      const name = head.classes[head.labels[i]];
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    const most = [...counts].sort((a, b) => b[1] - a[1]);
    const list = most.slice(0, 4).map(([name, count]) => `${count} ${name}`).join(", ");
    const rest = most.length > 4 ? ", …" : "";
    words.textContent = `${chosen.size.toLocaleString("en")} selected, listed below: ${list}${rest}`;
  } else {
    const zooming = matchMedia("(hover: none)").matches ? "Pinch to zoom, tap" : "Scroll to zoom, click";
    words.textContent = `${head.count.toLocaleString("en")} images. ${zooming} one to look inside.`;
  }
  words.title = words.textContent;
}

function point(map, i) {
  const isChanged = i !== map.near;
  map.near = i;
  map.canvas.classList.toggle("pointing", i !== null);
  say(map);
  if (i === null) {
    map.tip.hidden = true;
    if (isChanged) draw(map);
    return;
  }
  const { tip, head, sheet } = map;
  const [picture, text] = tip.children;
  const [width, height] = head.tile;
  if (isChanged && sheet) {
    picture.width = width;
    picture.height = height;
    const share = TIP_SIDE / Math.max(width, height);
    Object.assign(picture.style, { width: `${width * share}px`, height: `${height * share}px` });
    const column = i % head.columns, row = (i - column) / head.columns;
    picture.getContext("2d")
      .drawImage(sheet, column * head.cell[0], row * head.cell[1], width, height, 0, 0, width, height);
  }
  text.textContent = textOf(map, i);
  tip.hidden = false;
  const box = tip.getBoundingClientRect(), gap = sideOf(map) / 2 + 10;
  const x = screenX(map, i), y = screenY(map, i);
  const left = x + gap + box.width < map.width ? x + gap : x - gap - box.width;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.min(Math.max(4, y - box.height / 2), map.height - box.height - 4)}px`;
  draw(map);
}

// ---- Pointer and keys ------------------------------------------------------------------------

function listen(map) {
  const { canvas, pointers } = map;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button || !map.head) return;
    canvas.setPointerCapture(event.pointerId);
    const at = place(map, event);
    map.byKeys = false;
    pointers.set(event.pointerId, at);
    if (pointers.size === 2) map.drag = null; // a pinch
    else if (pointers.size === 1) {
      const isLasso = (map.mode === "lasso") !== event.shiftKey;
      map.drag = { start: at, hit: picture(map, ...at), far: false, lasso: isLasso ? [at] : null };
    }
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!map.head) return;
    const at = place(map, event), before = pointers.get(event.pointerId);
    if (!before) {
      map.byKeys = false;
      point(map, picture(map, ...at));
      return;
    }
    if (pointers.size === 2) pinch(map, event.pointerId, at);
    pointers.set(event.pointerId, at);
    const { drag } = map;
    if (!drag) return;
    drag.far ||= Math.hypot(at[0] - drag.start[0], at[1] - drag.start[1]) > CLICK;
    if (!drag.far) return;
    if (drag.lasso) {
      drag.lasso.push(at);
      point(map, null);
      draw(map);
    } else if (event.pointerType !== "touch" || !isFitted(map)) {
      canvas.classList.add("dragging");
      pan(map, at[0] - before[0], at[1] - before[1]);
    }
  });
  const release = (event, isCancelled) => {
    if (!pointers.delete(event.pointerId)) return;
    const { drag } = map;
    map.drag = null;
    canvas.classList.remove("dragging");
    if (!drag || isCancelled) return draw(map);
    if (!drag.far && drag.hit !== null) map.open(map.head.indices[drag.hit]);
    else if (!drag.far && map.chosen) choose(map, null);
    else if (drag.lasso && drag.lasso.length >= FEWEST) choose(map, inLasso(map, drag.lasso));
    draw(map);
  };
  canvas.addEventListener("pointerup", (event) => release(event, false));
  canvas.addEventListener("pointercancel", (event) => release(event, true));
  canvas.addEventListener("pointerleave", () => map.head && !map.byKeys && point(map, null));
  canvas.addEventListener("wheel", (event) => {
    if (!map.head) return;
    const lines = event.deltaMode === 1 ? 16 : 1;
    const factor = Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.002));
    // Where nothing is left to zoom the page scrolls.
    if (zoom(map, factor, ...place(map, event)) || event.ctrlKey) event.preventDefault();
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    if (map.head && !event.altKey && !event.ctrlKey && !event.metaKey && press(map, event.key))
      event.preventDefault();
  });
  canvas.addEventListener("focus", () => {
    if (!map.head || !canvas.matches(":focus-visible")) return;
    map.byKeys = true;
    point(map, middle(map));
  });
  canvas.addEventListener("blur", () => {
    if (!map.byKeys) return;
    map.byKeys = false;
    point(map, null);
  });
}

// Does what a key means; returns whether it means anything.
function press(map, key) {
  const keys = {
    ArrowLeft: () => pan(map, STEP, 0),
    ArrowRight: () => pan(map, -STEP, 0),
    ArrowUp: () => pan(map, 0, STEP),
    ArrowDown: () => pan(map, 0, -STEP),
    "+": () => zoom(map, 1.5),
    "=": () => zoom(map, 1.5),
    "-": () => zoom(map, 1 / 1.5),
    0: () => showAll(map),
    " ": () => choose(map, inView(map)),
    Enter: () => map.near !== null && map.open(map.head.indices[map.near]),
    Escape: () => choose(map, null),
  };
  if (!(key in keys)) return false;
  map.byKeys = true;
  keys[key]();
  return true;
}

function pinch(map, id, at) {
  const [other] = [...map.pointers].filter(([key]) => key !== id).map(([, place]) => place);
  const before = map.pointers.get(id);
  const length = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
  pan(map, (at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
  zoom(map, length(at) / length(before), (at[0] + other[0]) / 2, (at[1] + other[1]) / 2);
}

function place(map, event) {
  const box = map.canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

// The uppermost picture at a point of the frame.
function picture(map, x, y) {
  const half = sideOf(map) / 2;
  for (let i = map.head.count - 1; i >= 0; i -= 1) {
    if (map.chosen && !map.chosen.has(i)) continue;
    if (Math.abs(screenX(map, i) - x) <= half && Math.abs(screenY(map, i) - y) <= half
      && isShown(map, i)) return i;
  }
  return null;
}

// The picture nearest to the middle of the frame.
function middle(map) {
  let found = null, least = Infinity;
  for (let i = 0; i < map.head.count; i += 1) {
    const far = Math.hypot(screenX(map, i) - map.width / 2, screenY(map, i) - map.height / 2);
    if (far < least && isShown(map, i)) [found, least] = [i, far];
  }
  return found;
}

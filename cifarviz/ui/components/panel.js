// ---- A panel: drawn completely, and revealed up to the player's position by clips -------------

const SVG = "http://www.w3.org/2000/svg";

function panelElement() {
  const panel = document.createElement("div");
  panel.className = "panel";
  panel.innerHTML = '<div class="legend"></div><div class="drawing"><svg></svg></div>';
  return panel;
}

function drawPanel(element, panel, data, name) {
  const svg = element.querySelector("svg");
  const box = element.querySelector(".drawing");
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const width = box.clientWidth, height = box.clientHeight, font = 0.85 * rem;
  const left = 2.9 * rem, right = 0.9 * rem, top = 0.6 * rem, bottom = 2.5 * rem;
  const span = Math.max(data.last - data.begin, 1);
  const x = (epoch) => left + ((epoch - data.begin) / span) * (width - left - right);
  const y = (value) =>
    top + (1 - (value - panel.low) / (panel.high - panel.low)) * (height - top - bottom);
  svg.replaceChildren();
  const percent = panel.metric === "accuracy";
  for (const tick of ticks(panel.low, panel.high, 5)) {
    add(svg, "line", { class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) });
    write(svg, left - 0.4 * rem, y(tick) + font / 3, percent ? `${Math.round(100 * tick)}%` : plain(tick), font, "end");
  }
  add(svg, "line", { class: "axis", x1: left, x2: width - right, y1: y(panel.low), y2: y(panel.low) });
  for (const tick of ticks(data.begin, data.last, 7).filter(Number.isInteger)) {
    write(svg, x(tick), height - bottom + 1.05 * rem, String(tick), font, "middle");
  }
  write(svg, (left + width - right) / 2, height - 0.3 * rem, "Epoch", font, "middle");

  const clips = {};
  for (const kind of ["batches", "trend", "epochs"]) {
    const clip = add(add(svg, "defs", {}), "clipPath", { id: `${name}-${kind}` });
    clips[kind] = add(clip, "rect", { x: 0, y: 0, width: 0, height });
  }
  const clipped = (kind) => add(svg, "g", { "clip-path": `url(#${name}-${kind})` });
  if (data.branch !== null) {
    const at = x(data.branch), late = data.branch - data.begin > span * 0.6;
    add(svg, "line", {
      class: "branch", x1: at, x2: at, y1: top, y2: height - bottom, "stroke-width": 0.1 * rem,
    });
    const words = { live: "live from here", recorded: "continued from here" }[data.mark]
      ?? "continues from here";
    write(svg, at + (late ? -0.4 : 0.4) * rem, top + font, words, font, late ? "end" : "start");
  }
  const gapStart = panel.gap && add(svg, "g", {});
  if (gapStart) drawGap(gapStart, clipped("epochs"), panel, data, x, y, rem, width, height - bottom);
  const size = Math.max(2, 0.14 * rem);
  add(clipped("batches"), "path", {
    class: "dots", "stroke-width": size,
    d: panel.x.map((epoch, i) => {
      const value = panel.y[i];
      return value === null || value > panel.high ? "" : `M${f(x(epoch))},${f(y(value))}h0`;
    }).join(""),
  });
  add(clipped("trend"), "path", {
    class: "trend", "stroke-width": 0.07 * rem, d: line(panel.x, panel.trend, x, y),
  });
  // Markers are wider than their position, so they are shown or hidden completely.
  const epochs = clipped("epochs"), above = add(svg, "g", {}), marks = [];
  for (const kind of ["training", "validation"]) {
    add(epochs, "path", {
      class: `curve ${kind}`, "stroke-width": 0.16 * rem, d: line(data.epochs, panel[kind], x, y),
    });
    data.epochs.forEach((epoch, i) => {
      if (panel[kind][i] === null) return;
      const there = [x(epoch), y(panel[kind][i])];
      marks.push({ epoch, element: mark(above, kind, there, 0.2 * rem) });
    });
  }
  const cursor = add(svg, "line", { class: "cursor", y1: top, y2: height - bottom });
  const legend = element.querySelector(".legend");
  return { panel, clips, marks, cursor, x, rem, legend, gapStart };
}

function drawGap(svg, revealed, panel, data, x, y, rem, width, floor) {
  const [start, label] = panel.gap;
  const from = data.epochs.indexOf(start);
  if (from < 0) return;
  const after = data.epochs.map((_, i) => i).slice(from)
    .filter((i) => panel.training[i] !== null && panel.validation[i] !== null);
  const edge = (kind, order) => order.map((i) => `${f(x(data.epochs[i]))},${f(y(panel[kind][i]))}`);
  add(revealed, "polygon", {
    class: "gap",
    points: [...edge("validation", after), ...edge("training", [...after].reverse())].join(" "),
  });
  const at = x(start);
  add(svg, "line", {
    class: "gap-line", x1: at, x2: at, y1: 0.6 * rem, y2: floor, "stroke-width": 0.12 * rem,
  });
  const text = write(svg, at + 0.5 * rem, 1.6 * rem, label, 1.05 * rem, "start");
  text.setAttribute("class", "gap-label");
  // Beside the line, left of it or, in a narrow panel, as far to the left as is needed.
  const length = text.getComputedTextLength();
  if (at + 0.5 * rem + length <= width) return;
  const isRoomOnTheLeft = at - 0.5 * rem >= length;
  text.setAttribute("x", isRoomOnTheLeft ? at - 0.5 * rem - length : Math.max(0, width - length));
}

function showPanel(drawn, data, at, done) {
  const { panel, clips, marks, cursor, x, rem, legend, gapStart } = drawn;
  const until = (epoch, more) => Math.max(x(epoch) + more, 0);
  const all = at >= data.until - 1e-6;
  // Nothing beyond the cursor: a longer line would reveal the next value.
  clips.batches.setAttribute("width", until(at, all ? 0.1 * rem : 0));
  // The trend uses later batches, so its last part is not shown yet.
  clips.trend.setAttribute("width", until(Math.max(at - data.reach, data.begin), 0));
  clips.epochs.setAttribute("width", done > data.begin ? until(done, 0) : 0);
  for (const { epoch, element } of marks) {
    element.setAttribute("visibility", epoch <= done ? "visible" : "hidden");
  }
  // What comes later is not given away.
  gapStart?.setAttribute("visibility", done > panel.gap[0] || all ? "visible" : "hidden");
  cursor.setAttribute("visibility", data.player && !all ? "visible" : "hidden");
  cursor.setAttribute("x1", x(at));
  cursor.setAttribute("x2", x(at));
  const place = done - data.begin - 1;
  const parts = [`<b>${panel.title}</b>`];
  for (const kind of ["training", "validation"]) {
    if (panel[kind].every((value) => value === null) && panel[kind].length) continue;
    const value = panel[kind][place];
    const percent = panel.metric === "accuracy";
    const number = value === undefined || value === null ? "–"
      : percent ? `${(100 * value).toFixed(1)}%` : value.toFixed(3);
    parts.push(`<span><i class="${kind}"></i>${kind} <b>${number}</b></span>`);
  }
  const html = parts.join("");
  if (drawn.html !== html) legend.innerHTML = drawn.html = html;
}

function mark(place, kind, [cx, cy], r) {
  if (kind === "training") return add(place, "circle", { class: "training marker", cx, cy, r });
  const d = `M${f(cx)},${f(cy - 1.3 * r)}l${f(1.3 * r)},${f(1.3 * r)}l${f(-1.3 * r)},${f(1.3 * r)}l${f(-1.3 * r)},${f(-1.3 * r)}z`;
  return add(place, "path", { class: "validation marker", d });
}

function line(xs, values, x, y) {
  let path = "", pen = "M";
  values.forEach((value, i) => {
    if (value === null) pen = "M";
    else {
      path += `${pen}${f(x(xs[i]))},${f(y(value))}`;
      pen = "L";
    }
  });
  return path;
}

function ticks(low, high, most) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-9); i += 1)
    found.push(Number((i * step).toPrecision(10)));
  return found;
}

function write(place, x, y, words, size, anchor) {
  const text = add(place, "text", { x, y, "font-size": size, "text-anchor": anchor });
  text.textContent = words;
  return text;
}

function add(place, name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  place.append(element);
  return element;
}

function plain(value) {
  return String(Number(value.toPrecision(6)));
}

function f(value) {
  return value.toFixed(1);
}

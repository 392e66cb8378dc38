// ---- Drawing of a step: the output map, the rows of its terms, the formula with numbers ---------

function draw(step) {
  const terms = computeTerms(step);
  step.terms = terms;
  step.colors = colorsOf(step.root);
  const { head, at } = step;
  const [rows, columns] = head.places;
  const own = step.arrays.output[at[0] * columns + at[1]];
  if (rows * columns > 1) drawMap(step);
  step.where.textContent = `Row ${at[0]}, column ${at[1]}`;
  drawRows(step, terms);
  step.formula.innerHTML = formulaOf(step, terms);
  const close = Math.abs(own - terms.output) <= 1e-4 + 1e-3 * Math.abs(own);
  step.check.textContent = close
    ? `${exact(terms.output)}, as the network computes it.`
    : `${exact(terms.output)}; the network, in 32-bit numbers, computes ${exact(own)}.`;
  step.root.dataset.computed = terms.output;
  step.root.dataset.output = own;
}

function colorsOf(element) {
  const style = getComputedStyle(element);
  const paint = document.createElement("canvas").getContext("2d");
  paint.fillStyle = style.getPropertyValue("--st-background-color") || "#fff";
  const ground = rgb(paint.fillStyle);
  const dark = ground[0] + ground[1] + ground[2] < 384;
  return {
    ground,
    dark,
    ink: style.color,
    above: dark ? [104, 206, 120] : [27, 120, 55],
    below: dark ? [205, 140, 226] : [118, 42, 131],
  };
}

function rgb(hex) {
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
}

// From the page's own colour at 0 to green or purple at the limit.
function colorOf(value, limit, { ground, above, below }) {
  const share = Math.min(1, Math.abs(value) / (limit || 1)) ** 0.7;
  const end = value < 0 ? below : above;
  return ground.map((base, i) => Math.round(base + (end[i] - base) * share));
}

// A map as a picture of a pixel a value, made once.
function sheetOf(step, values, height, width, limit, name) {
  const id = `${name} ${step.colors.dark}`;
  if (step.sheets.has(id)) return step.sheets.get(id);
  const sheet = document.createElement("canvas");
  sheet.width = width;
  sheet.height = height;
  const paint = sheet.getContext("2d");
  const image = paint.createImageData(width, height);
  values.forEach((value, i) => image.data.set([...colorOf(value, limit, step.colors), 255], 4 * i));
  paint.putImageData(image, 0, 0);
  step.sheets.set(id, sheet);
  return sheet;
}

function canvasFor(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const paint = canvas.getContext("2d");
  paint.scale(ratio, ratio);
  paint.imageSmoothingEnabled = false;
  return paint;
}

function drawMap(step) {
  const { head, arrays, colors, at } = step;
  const [rows, columns] = head.places;
  const cell = Math.max(1, (MAP * step.scale) / Math.max(rows, columns));
  const paint = canvasFor(step.canvas, columns * cell, rows * cell);
  const sheet = sheetOf(step, arrays.output, rows, columns, largest(arrays.output), "output");
  paint.drawImage(sheet, 0, 0, columns * cell, rows * cell);
  frame(paint, 0.5, 0.5, columns * cell - 1, rows * cell - 1, colors, 1);
  box(paint, at[1] * cell, at[0] * cell, cell, cell);
}

function frame(paint, x, y, width, height, colors, line) {
  paint.strokeStyle = colors.ink;
  paint.globalAlpha = 0.35;
  paint.lineWidth = line;
  paint.strokeRect(x, y, width, height);
  paint.globalAlpha = 1;
}

// Visible on any colour: a light line around a dark one.
function box(paint, x, y, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const left = Math.max(1.5, x - 1), top = Math.max(1.5, y - 1);
  const right = Math.min(paint.canvas.width / ratio - 1.5, x + width + 1);
  const bottom = Math.min(paint.canvas.height / ratio - 1.5, y + height + 1);
  for (const [line, color] of [[4, "#fff"], [2, "#10161c"]]) {
    paint.lineWidth = line;
    paint.strokeStyle = color;
    paint.strokeRect(left, top, right - left, bottom - top);
  }
}

// ---- Rows ------------------------------------------------------------------------------------

function drawRows(step, terms) {
  const { head } = step;
  const bars = terms.area === 1 && head.kind === "sum";
  const many = Math.min(head.count, (bars ? SHOWN_BARS : SHOWN) + step.extra);
  const shape = `${head.kind} ${bars} ${many} ${step.scale} ${step.revision}`;
  if (shape !== step.shape) {
    step.rows.replaceChildren();
    if (!bars && head.kind === "sum") step.rows.append(headsRow(step));
    step.lines = Array.from({ length: many }, () => (bars ? barRow() : gridRow(step)));
    step.rows.append(...step.lines.map((line) => line.row));
    step.shape = shape;
  }
  const limits = {
    products: largest(terms.products),
    sums: largest(terms.sums),
    kernel: step.arrays.kernel ? largest(step.arrays.kernel) : 1,
  };
  step.lines.forEach((line, place) => {
    const n = terms.order[place];
    line.name.textContent = nameOf(step, n);
    line.row.dataset.input = n;
    if (bars) fillBar(step, terms, line, n, limits);
    else fillGrids(step, terms, line, n, limits);
  });
  const left = head.count - many;
  step.more.hidden = left <= 0;
  step.more.textContent = `Show more inputs (${many} of ${head.count} shown)`;
}

function nameOf({ head: { labels } }, n) {
  if (labels.names) return labels.names[n];
  if (!labels.shape) return `${labels.noun} ${labels.numbers[n]}`;
  const [, width, channels] = labels.shape;
  const pixel = Math.floor(n / channels);
  return `Channel ${n % channels} at ${Math.floor(pixel / width)}, ${pixel % width}`;
}

function element(kind, className, text = "") {
  const made = document.createElement(kind);
  made.className = className;
  made.textContent = text;
  return made;
}

function barRow() {
  const row = element("div", "row");
  const line = { row };
  line.name = element("span", "name");
  line.name.style.flexBasis = "13rem";
  line.numbers = element("span", "numbers");
  line.track = element("span", "bar-track");
  line.bar = element("i", "");
  line.track.append(line.bar);
  row.append(line.name, line.numbers, line.track);
  return line;
}

function fillBar(step, terms, line, n, limits) {
  const { arrays } = step;
  const value = terms.patches[n], sum = terms.sums[n];
  const weight = arrays.kernel ? ` × ${plain(arrays.kernel[n])}` : "";
  const mixture = arrays.mixture ? ` × ${plain(arrays.mixture[n])}` : "";
  line.numbers.textContent = weight ? `${plain(value)}${weight}${mixture} = ${plain(sum)}` : plain(value);
  const share = (Math.abs(sum) / limits.sums) * 50;
  const [r, g, b] = sum < 0 ? step.colors.below : step.colors.above;
  Object.assign(line.bar.style, {
    left: `${sum < 0 ? 50 - share : 50}%`,
    width: `${share}%`,
    background: `rgb(${r}, ${g}, ${b})`,
  });
}

function gridRow(step) {
  const { head, arrays } = step;
  const row = element("div", "row");
  const line = { row, thumb: element("canvas", "thumb"), patch: element("canvas", "patch") };
  line.name = element("span", "name");
  line.sum = element("span", "sum");
  row.append(line.name, line.thumb, line.patch);
  if (head.kind === "sum" && arrays.kernel) {
    line.kernel = element("canvas", "kernel");
    line.products = element("canvas", "products");
    row.append(sign("×"), line.kernel, sign("="), line.products, sign("→"));
    line.mixture = element("span", "mixture");
    const end = element("span", "end");
    end.append(...(arrays.mixture ? [line.mixture, line.sum] : [line.sum]));
    row.append(end);
  }
  return line;
}

function sign(text) {
  return element("span", "sign", text);
}

function headsRow(step) {
  const { head, arrays } = step;
  const row = element("div", "row heads");
  const wide = `${head.size[1] * cellSize(step)}px`;
  const thumb = `${THUMB * step.scale}px`;
  const heads = [["Input channel", "5.2rem"], ["where it looks", thumb], ["patch", wide]];
  if (arrays.kernel) heads.push(["kernel", wide], ["products", wide], [arrays.mixture ? "sum × mixture" : "sum", "auto"]);
  heads.forEach(([text, width], i) => {
    if (i > 2) {
      const gap = element("span", "sign", i === 3 ? "×" : i === 4 ? "=" : "→");
      gap.style.visibility = "hidden";
      row.append(gap);
    }
    const made = element("span", "", text);
    made.style.width = width;
    row.append(made);
  });
  return row;
}

function cellSize({ head: { size }, scale }) {
  const fitting = (scale * (Math.max(...size) > 3 ? 1.25 : 1) * GRID) / Math.max(...size);
  return Math.max(4, Math.min(42 * scale, Math.floor(fitting)));
}

function fillGrids(step, terms, line, n, limits) {
  const { head, arrays } = step;
  const from = n * terms.area, to = from + terms.area;
  drawThumb(step, line.thumb, n);
  const patch = terms.patches.subarray(from, to);
  const best = head.kind === "pool" && !head.mean ? patch.indexOf(terms.total) : -1;
  drawGrid(step, line.patch, patch, step.limit, best);
  if (!line.kernel) return;
  drawGrid(step, line.kernel, arrays.kernel.subarray(from, to), limits.kernel);
  // A product with padding is 0 and shown as padding.
  const products = terms.products.subarray(from, to).map((x, i) => (Number.isNaN(patch[i]) ? NaN : x));
  drawGrid(step, line.products, products, limits.products);
  if (arrays.mixture) {
    const sum = terms.products.subarray(from, to).reduce((a, b) => a + b, 0);
    line.mixture.textContent = `${plain(sum)} × ${plain(arrays.mixture[n])}`;
  }
  line.sum.textContent = `${arrays.mixture ? "= " : ""}${plain(terms.sums[n])}`;
}

// The input channel with its padding, and the window on it.
function drawThumb(step, canvas, n) {
  const { head, arrays, colors, at } = step;
  const [height, width] = head.input;
  const reach = (axis) => (head.places[axis] - 1) * head.strides + (head.size[axis] - 1) * head.dilation + 1;
  const before = head.origin.map((first) => Math.max(0, -first));
  const after = [0, 1].map((axis) =>
    head.size[axis] === 1 ? 0 : Math.max(0, head.origin[axis] + reach(axis) - head.input[axis]));
  const tall = height + before[0] + after[0], wide = width + before[1] + after[1];
  const cell = (THUMB * step.scale) / Math.max(tall, wide);
  const paint = canvasFor(canvas, wide * cell, tall * cell);
  hatch(paint, 0, 0, wide * cell, tall * cell, colors);
  const map = arrays.maps.subarray(n * height * width, (n + 1) * height * width);
  const sheet = sheetOf(step, map, height, width, step.limit, `map ${n}`);
  paint.drawImage(sheet, before[1] * cell, before[0] * cell, width * cell, height * cell);
  frame(paint, before[1] * cell + 0.5, before[0] * cell + 0.5, width * cell - 1, height * cell - 1, colors, 1);
  const [y, x] = [0, 1].map((axis) => (head.origin[axis] + at[axis] * head.strides + before[axis]) * cell);
  const size = head.size.map((count) => ((count - 1) * head.dilation + 1) * cell);
  box(paint, x, y, size[1], size[0]);
}

function hatch(paint, x, y, width, height, colors) {
  paint.save();
  paint.beginPath();
  paint.rect(x, y, width, height);
  paint.clip();
  paint.strokeStyle = colors.ink;
  paint.globalAlpha = 0.35;
  paint.lineWidth = 1;
  paint.beginPath();
  for (let i = -height; i < width; i += 6) {
    paint.moveTo(x + i, y + height);
    paint.lineTo(x + i + height, y);
  }
  paint.stroke();
  paint.restore();
}

// Values as cells with their numbers, where there is room; NaN is padding.
function drawGrid(step, canvas, values, limit, marked = -1) {
  const { head, colors } = step;
  const cell = cellSize(step);
  const [tall, wide] = head.size;
  const paint = canvasFor(canvas, wide * cell + 1, tall * cell + 1);
  paint.textAlign = "center";
  paint.textBaseline = "middle";
  paint.font = `${cell >= 52 ? 15 : cell >= 40 ? 11.5 : 10}px ${getComputedStyle(step.root).fontFamily}`;
  values.forEach((value, i) => {
    const x = (i % wide) * cell, y = Math.floor(i / wide) * cell;
    const padded = Number.isNaN(value);
    if (padded) hatch(paint, x, y, cell, cell, colors);
    else {
      const [r, g, b] = colorOf(value, limit, colors);
      paint.fillStyle = `rgb(${r}, ${g}, ${b})`;
      paint.fillRect(x, y, cell, cell);
      paint.fillStyle = 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#10161c" : "#fff";
    }
    if (cell >= 33) {
      if (padded) paint.fillStyle = colors.ink;
      paint.fillText(padded ? "pad" : short(value), x + cell / 2, y + cell / 2);
    }
    if (cell >= 8) frame(paint, x + 0.5, y + 0.5, cell, cell, colors, 1);
  });
  if (marked < 0) return;
  const x = (marked % wide) * cell, y = Math.floor(marked / wide) * cell;
  box(paint, x + 2, y + 2, cell - 4, cell - 4);
}

function showTip(step, event) {
  const canvas = event.target.closest?.("canvas");
  const kind = canvas?.className;
  step.tip.hidden = !["patch", "kernel", "products"].includes(kind);
  if (step.tip.hidden) return;
  const { head, terms, arrays } = step;
  const frame = canvas.getBoundingClientRect();
  const row = clamp(Math.floor(((event.clientY - frame.top) / frame.height) * head.size[0]), head.size[0]);
  const column = clamp(Math.floor(((event.clientX - frame.left) / frame.width) * head.size[1]), head.size[1]);
  const n = Number(canvas.parentElement.dataset.input);
  const index = n * terms.area + row * head.size[1] + column;
  const value = terms.patches[index];
  const weight = arrays.kernel?.[index];
  step.tip.textContent = Number.isNaN(value)
    ? "Padding: outside the map"
    : weight === undefined
      ? exact(value)
      : `${exact(value)} × ${exact(weight)} = ${exact(terms.products[index])}`;
  step.tip.style.left = `${Math.min(event.clientX + 12, innerWidth - 240)}px`;
  step.tip.style.top = `${event.clientY + 16}px`;
}

// ---- The formula with numbers (MathML) -------------------------------------------------------

function formulaOf(step, terms) {
  const { head } = step;
  const content =
    head.kind === "pool" ? poolFormula(head, terms)
      : head.kind === "norm" ? normFormula(head, terms)
        : sumFormula(step, terms);
  return `<math display="block"><mrow><mi>y</mi><mo>=</mo>${content}</mrow></math>`;
}

function sumFormula(step, terms) {
  const { head, arrays } = step;
  const shown = terms.order.slice(0, 4);
  const parts = shown.map((n) => [terms.sums[n], nameOf(step, n).toLowerCase()]);
  const others = terms.order.slice(4);
  if (others.length) {
    const rest = others.reduce((sum, n) => sum + terms.sums[n], 0);
    parts.push([rest, others.length === 1 ? "1 other" : `${others.length} others`]);
  }
  if (head.bias !== null) parts.push([head.bias, "bias"]);
  if (!parts.length) return number(0, "result");
  const sum = parts.map(([value, text], i) => term(value, text, i === 0)).join("");
  const result = `<mo>=</mo>${number(terms.output, "result")}`;
  if (head.function === "linear") return `${sum}${parts.length > 1 ? result : ""}`;
  if (arrays.scores) {
    const power = (exponent) => `<msup><mi>e</mi>${exponent}</msup>`;
    const all = `<munder><mo>∑</mo><mi>j</mi></munder>${power("<msub><mi>z</mi><mi>j</mi></msub>")}`;
    return `<mi>softmax</mi><mo>(</mo>${sum}<mo>)</mo><mo>=</mo><mfrac>${power(number(terms.total))}<mrow>${all}</mrow></mfrac>${result}`;
  }
  const call = (inner) => `<mi>${escapeText(head.activation)}</mi><mo>(</mo>${inner}<mo>)</mo>`;
  const again = parts.length > 1 ? `<mo>=</mo>${call(number(terms.total))}` : "";
  return `${call(sum)}${again}${result}`;
}

function poolFormula(head, terms) {
  const result = `<mo>=</mo>${number(terms.total, "result")}`;
  const most = 9;
  const listed = [...terms.seen].slice(0, most).map((value) => number(value));
  if (terms.seen.length > most) listed.push("<mo>…</mo>");
  if (head.mean) {
    const sum = listed.map((value, i) => (i ? `<mo>+</mo>${value}` : value)).join("");
    return `<mfrac><mrow>${sum}</mrow><mn>${terms.seen.length}</mn></mfrac>${result}`;
  }
  return `<mi>max</mi><mo>(</mo>${listed.join("<mo>,</mo>")}<mo>)</mo>${result}`;
}

function normFormula(head, terms) {
  const top = `<mrow>${under(number(terms.patches[0]), "input")}<mo>−</mo>${under(enclosed(terms.mean), "mean")}</mrow>`;
  const bottom = `<msqrt>${under(number(terms.variance), "variance")}<mo>+</mo>${under(number(head.epsilon), "epsilon")}</msqrt>`;
  const scale = under(number(head.gamma), "gamma");
  return `${scale}<mo>·</mo><mfrac>${top}${bottom}</mfrac>${term(head.beta, "beta", false)}<mo>=</mo>${number(terms.output, "result")}`;
}

function term(value, text, first) {
  const minus = value < 0;
  const operator = first ? (minus ? "<mo>−</mo>" : "") : `<mo>${minus ? "−" : "+"}</mo>`;
  return operator + under(number(Math.abs(value)), text);
}

function under(content, text) {
  return `<munder><mrow>${content}</mrow><mtext class="under">${escapeText(text)}</mtext></munder>`;
}

function enclosed(value) {
  return value < 0 ? `<mo>(</mo>${number(value)}<mo>)</mo>` : number(value);
}

function number(value, className = "") {
  return `<mn class="${className}">${plain(value)}</mn>`;
}

function escapeText(text) {
  const place = document.createElement("i");
  place.textContent = text;
  return place.innerHTML;
}

// Four digits, with a true minus sign.
function plain(value) {
  if (!Number.isFinite(value)) return "not a number";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(2) : value.toPrecision(4);
  return text.replace(/-/g, "−");
}

function exact(value) {
  return Number.isFinite(value) ? String(Number(value.toPrecision(6))).replace(/-/g, "−") : "not a number";
}

function short(value) {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return "NaN";
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 || size === 0 ? 2 : 3;
  // Without the sign of a number that is rounded to 0.
  return value.toFixed(digits).replace(/^-(?=0\.?0*$)/, "").replace("-", "−");
}

// Collects pictures of classes from a camera while a button is held, and sends them to Python.
//
// Streamlit calls the default export after each run of the script. What was collected is kept in
// `collection`. camera_stream.js and camera_collection.js are put before this file.

const PERIOD = 100; // milliseconds between pictures
const PATIENCE = 30_000; // milliseconds to wait for Python

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const camera = findCamera(parentElement, setUp);
  camera.send = (part) => setTriggerValue("part", part);
  receive(camera, JSON.parse(new TextDecoder().decode(data)));
  return () => endCamera(parentElement, camera);
}

function setUp(camera) {
  const { place } = camera;
  const find = (name) => place.querySelector(name);
  Object.assign(camera, {
    holding: null, // { one, hold, start, next, timer }: `next` picture of this hold
    sending: null, // { id, parts, at, timer }
    cards: new Map(),
    classes: find(".classes"),
  });
  camera.onSwitch = () => {
    if (!camera.stream) release(camera);
    update(camera);
  };
  camera.ended.signal.addEventListener("abort", () => stopSending(camera));
  find(".add").addEventListener("click", () => {
    const added = addClass();
    update(camera);
    const input = camera.cards.get(added).querySelector("input");
    input.focus();
    input.select();
  });
  find(".use").addEventListener("click", () => use(camera));
  const options = { signal: camera.ended.signal };
  addEventListener("blur", () => release(camera), options);
  document.addEventListener("visibilitychange", () => release(camera), options);
  // Streamlit takes letters as commands where it does not see the field that they are typed into.
  for (const type of ["keydown", "keyup", "keypress"]) {
    place.addEventListener(type, (event) => event.stopPropagation());
  }
}

function receive(camera, data) {
  const isFirst = camera.data === null;
  camera.data = data;
  const { sending } = camera;
  if (collection.capture && !sending) {
    if (data.forget === collection.capture) clearCollection();
    // Python has them no longer.
    else collection.capture = null;
  }
  while (collection.classes.length < 2 && isFirst) addClass();
  if (sending && data.capture === sending.id) {
    if (data.problem) {
      stopSending(camera);
      collection.capture = null;
      say(camera, data.problem);
    } else if (data.received > sending.at && data.received < sending.parts.length) {
      sending.at = data.received;
      sendPart(camera);
    }
  }
  update(camera);
}

// ---- Holding a button ------------------------------------------------------------------------

function hold(camera, one) {
  if (!camera.stream || camera.holding || camera.sending) return;
  say(camera, null);
  collection.holds += 1;
  camera.holding = { one, hold: collection.holds, start: performance.now(), next: 0, timer: 0 };
  takePicture(camera);
  update(camera);
}

function release(camera) {
  if (!camera.holding) return;
  clearTimeout(camera.holding.timer);
  camera.holding = null;
  update(camera);
}

async function takePicture(camera) {
  const { holding, data } = camera;
  if (countPictures() >= data.most) {
    release(camera);
    say(camera, `There are ${data.most.toLocaleString("en")} pictures, and no more can be used. Delete some to take others.`);
    return;
  }
  // One late picture does not delay those after it; a timer may also be a little early.
  const now = performance.now();
  holding.next = Math.max(holding.next + 1, Math.ceil((now - holding.start) / PERIOD));
  holding.timer = setTimeout(() => takePicture(camera), holding.start + holding.next * PERIOD - now);
  const blob = await photograph(camera.video, camera.canvas, data.side);
  if (!blob || !collection.classes.includes(holding.one) || countPictures() >= data.most) return;
  showPicture(camera, holding.one, addPicture(holding.one, blob, holding.hold));
  updateCounts(camera);
}

function makeHoldButton(camera, one) {
  const button = makeElement("button", "hold");
  button.type = "button";
  button.append(makeElement("span", "", "Hold to collect"), makeElement("span", "unseen of"));
  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    button.setPointerCapture(event.pointerId);
    hold(camera, one);
  });
  for (const type of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) {
    // A button may lose the focus to the one that is held from now on.
    button.addEventListener(type, () => camera.holding?.one === one && release(camera));
  }
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  const isKey = ({ key }) => key === " " || key === "Enter";
  button.addEventListener("keydown", (event) => {
    if (!isKey(event)) return;
    event.preventDefault();
    if (!event.repeat) hold(camera, one);
  });
  button.addEventListener("keyup", (event) => {
    if (isKey(event)) release(camera);
  });
  return button;
}

// ---- Classes and their pictures --------------------------------------------------------------

function makeCard(camera, one) {
  const card = makeElement("section", "class");
  const label = makeElement("label", "name");
  const input = makeElement("input");
  input.maxLength = camera.data.longest;
  input.value = one.name;
  input.addEventListener("input", () => {
    one.name = input.value;
    collection.capture = null;
    say(camera, null);
    update(camera);
  });
  label.append(makeElement("span", "unseen", "Name of the class"), input);
  const remove = makeElement("button", "remove");
  remove.type = "button";
  remove.addEventListener("click", () => {
    // Pictures cannot be brought back, so the first press only asks.
    if (remove.dataset.asked || !one.pictures.length) {
      discardClass(camera, one);
      return;
    }
    remove.dataset.asked = "1";
    update(camera);
  });
  remove.addEventListener("blur", () => {
    delete remove.dataset.asked;
    update(camera);
  });
  const head = makeElement("div", "head");
  head.append(label, makeElement("span", "count"), remove);
  const pictures = makeElement("div", "pictures");
  pictures.setAttribute("role", "group");
  pictures.addEventListener("click", (event) => discardPicture(camera, one, event.target));
  pictures.addEventListener("keydown", (event) => moveFocus(camera, one, event));
  card.append(head, makeHoldButton(camera, one), pictures);
  one.pictures.forEach((picture) => pictures.append(makeThumbnail(one, picture)));
  return card;
}

function discardClass(camera, one) {
  release(camera);
  removeClass(one);
  say(camera, null);
  update(camera);
  camera.place.querySelector(".add").focus();
}

function makeThumbnail(one, picture) {
  const button = makeElement("button", "picture");
  button.type = "button";
  button.tabIndex = one.pictures[0] === picture ? 0 : -1;
  button.dataset.number = picture.number;
  button.title = "Delete this picture";
  button.setAttribute("aria-label", `Delete picture ${picture.number}`);
  const image = makeElement("img");
  image.src = picture.url;
  image.alt = "";
  button.append(image);
  return button;
}

function showPicture(camera, one, picture) {
  const pictures = camera.cards.get(one)?.querySelector(".pictures");
  if (!pictures) return;
  pictures.append(makeThumbnail(one, picture));
  pictures.scrollTop = pictures.scrollHeight;
}

function discardPicture(camera, one, target) {
  const button = target.closest(".picture");
  if (!button || camera.sending) return;
  const picture = one.pictures.find(({ number }) => String(number) === button.dataset.number);
  const next = button.nextElementSibling ?? button.previousElementSibling;
  button.remove();
  removePicture(one, picture);
  if (next) focusThumbnail(next);
  else camera.cards.get(one).querySelector(".hold").focus();
  update(camera);
}

// One stop for Tab; arrows move inside.
function moveFocus(camera, one, event) {
  const button = event.target.closest(".picture");
  if (!button) return;
  if (event.key === "Delete" || event.key === "Backspace") {
    event.preventDefault();
    discardPicture(camera, one, button);
    return;
  }
  const all = [...button.parentElement.children];
  const at = all.indexOf(button);
  const columns = all.filter(({ offsetTop }) => offsetTop === all[0].offsetTop).length;
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -at, End: all.length - 1 - at };
  if (!(event.key in steps)) return;
  event.preventDefault();
  const target = all[at + steps[event.key]];
  if (target) focusThumbnail(target);
}

function focusThumbnail(button) {
  for (const other of button.parentElement.children) other.tabIndex = other === button ? 0 : -1;
  button.focus();
}

// ---- Sending ---------------------------------------------------------------------------------

function use(camera) {
  if (camera.sending) return;
  const problem = findProblem();
  if (problem) {
    say(camera, problem[0]);
    (camera.cards.get(problem[1])?.querySelector("input") ?? camera.place.querySelector(".add")).focus();
    return;
  }
  release(camera);
  say(camera, null);
  camera.sending = { id: newCaptureId(), parts: divideIntoParts(), at: 0, timer: 0 };
  sendPart(camera);
  update(camera);
}

async function sendPart(camera) {
  const { sending } = camera;
  const { id, parts, at } = sending;
  const pictures = await Promise.all(
    parts[at].map(async ([label, held, blob]) => [label, held, await encodeBlob(blob)]),
  );
  if (camera.sending !== sending) return;
  clearTimeout(sending.timer);
  sending.timer = setTimeout(() => {
    stopSending(camera);
    collection.capture = null;
    say(camera, "cifarviz does not answer. See whether it still runs, and press the button again.");
    update(camera);
  }, PATIENCE);
  // With the last part Python has all, and the page shows something else.
  if (at === parts.length - 1) collection.capture = id;
  camera.send({ capture: id, part: at, parts: parts.length, classes: collection.classes.map(({ name }) => name), pictures });
}

function stopSending(camera) {
  clearTimeout(camera.sending?.timer);
  camera.sending = null;
}

// ---- What is shown ---------------------------------------------------------------------------

function update(camera) {
  const { place, holding, sending, stream } = camera;
  for (const [one, card] of camera.cards) {
    if (collection.classes.includes(one)) continue;
    card.remove();
    camera.cards.delete(one);
  }
  for (const one of collection.classes) {
    if (!camera.cards.has(one)) {
      camera.cards.set(one, makeCard(camera, one));
      camera.classes.append(camera.cards.get(one));
    }
    const card = camera.cards.get(one);
    const name = nameOfClass(one), isHeld = holding?.one === one;
    card.classList.toggle("held", isHeld);
    const button = card.querySelector(".hold");
    button.disabled = !stream || sending !== null;
    button.firstChild.textContent = isHeld ? "Collecting …" : "Hold to collect";
    button.querySelector(".of").textContent = ` ${name}`;
    card.querySelector("input").disabled = sending !== null;
    const remove = card.querySelector(".remove");
    remove.disabled = sending !== null || collection.classes.length <= 1;
    remove.textContent = remove.dataset.asked ? `Delete ${one.pictures.length}?` : "Delete";
    remove.setAttribute("aria-label", `${remove.textContent} (${name})`);
    card.querySelector(".pictures").setAttribute("aria-label", `Pictures of ${name}`);
  }
  updatePower(camera);
  place.querySelector(".add").disabled = sending !== null || collection.classes.length >= camera.data.mostClasses;
  const send = place.querySelector(".use");
  send.disabled = sending !== null;
  send.textContent = sending ? "Sending …" : "Use these pictures";
  updateCounts(camera);
}

function updateCounts(camera) {
  const { place, holding } = camera;
  for (const [one, card] of camera.cards) {
    card.querySelector(".count").textContent = countedPictures(one.pictures.length);
    const pictures = card.querySelector(".pictures");
    pictures.hidden = !one.pictures.length;
    const first = pictures.firstElementChild;
    if (first && !pictures.querySelector("[tabindex='0']")) first.tabIndex = 0;
  }
  const recording = place.querySelector(".recording");
  recording.hidden = !holding;
  place.querySelector(".view").classList.toggle("held", holding !== null);
  if (holding) {
    recording.lastChild.textContent = `${nameOfClass(holding.one)}: ${countedPictures(holding.one.pictures.length)}`;
    return;
  }
  const count = countPictures();
  const text = count ? `${countedPictures(count)} in ${collection.classes.length} classes` : "";
  const total = place.querySelector(".total");
  if (total.textContent !== text) total.textContent = text;
}

function countedPictures(count) {
  return count === 1 ? "1 picture" : `${count.toLocaleString("en")} pictures`;
}

function say(camera, text) {
  showText(camera.place.querySelector(".problem"), text);
}

function makeElement(tag, name = "", text = "") {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = text;
  return element;
}

// Shows a picture with a part of it to drag, and sends the part to Python.
//
// Streamlit calls the default export after each run of the script, always with the same
// parentElement. The state of each is kept in `croppers`.

const croppers = new WeakMap();
const PERIOD = 200; // milliseconds between parts that are sent while one drags
const STEP = 0.02; // of the picture, by an arrow key
const GROWTH = 1.1; // by a key or a notch of the wheel

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const place = parentElement.querySelector(".cropper");
  let cropper = croppers.get(parentElement);
  if (!cropper || cropper.place !== place) {
    cropper = create(place);
    croppers.set(parentElement, cropper);
  }
  cropper.answer = (crop) => setTriggerValue("crop", crop);
  receive(cropper, data);
  return () => {
    // Also called when a newer run of the script overtakes this run: then it is still in use.
    setTimeout(() => {
      if (place.isConnected) return;
      URL.revokeObjectURL(cropper.address);
      clearTimeout(cropper.timer);
      croppers.delete(parentElement);
    }, 0);
  };
}

function create(place) {
  const box = place.querySelector(".box");
  const cropper = { place, box, image: place.querySelector("img"), head: null, crop: null, drag: null, timer: 0, address: null, text: null };
  box.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    box.setPointerCapture(event.pointerId);
    const resizes = event.target.className === "corner";
    cropper.drag = { resizes, x: event.clientX, y: event.clientY, crop: cropper.crop };
  });
  box.addEventListener("pointermove", (event) => cropper.drag && follow(cropper, event));
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    box.addEventListener(end, () => {
      if (!cropper.drag) return;
      cropper.drag = null;
      send(cropper, 0);
    });
  }
  box.addEventListener("dblclick", () => set(cropper, [0.5, 0.5, 1], 0));
  box.addEventListener("keydown", (event) => press(cropper, event));
  place.addEventListener("wheel", (event) => {
    event.preventDefault();
    const [x, y, share] = cropper.crop;
    set(cropper, [x, y, share * (event.deltaY < 0 ? 1 / GROWTH : GROWTH)], PERIOD);
  }, { passive: false });
  return cropper;
}

// A line of JSON, then the PNG.
function receive(cropper, bytes) {
  const end = bytes.indexOf(10);
  const head = cropper.head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  if (head.picture !== cropper.text) {
    cropper.text = head.picture;
    if (cropper.address) URL.revokeObjectURL(cropper.address);
    cropper.address = URL.createObjectURL(new Blob([bytes.slice(end + 1)], { type: "image/png" }));
    cropper.image.src = cropper.address;
  }
  cropper.image.alt = head.name;
  cropper.image.width = head.width;
  cropper.image.height = head.height;
  cropper.box.setAttribute("aria-label", `Part of ${head.name} that the network gets. Arrow keys move it, plus and minus change its size, Home is the largest part.`);
  // What is dragged now is newer than what Python knows.
  if (!cropper.drag && !cropper.timer) cropper.crop = head.crop;
  draw(cropper);
}

// The sides of the part, in pixels on screen.
function sidesOf({ width, height, proportions: [across, down] }, share) {
  const scale = share * Math.min(width / across, height / down);
  return [across * scale, down * scale];
}

function set(cropper, [x, y, share], delay) {
  const { head } = cropper;
  const size = Math.min(1, Math.max(head.least, share));
  const [width, height] = sidesOf(head, size);
  const clamp = (value, half) => Math.min(1 - half, Math.max(half, value));
  cropper.crop = [clamp(x, width / head.width / 2), clamp(y, height / head.height / 2), size];
  draw(cropper);
  send(cropper, delay);
}

function draw({ box, head, crop: [x, y, share] }) {
  const [width, height] = sidesOf(head, share);
  Object.assign(box.style, {
    left: `${x * head.width - width / 2}px`,
    top: `${y * head.height - height / 2}px`,
    width: `${width}px`,
    height: `${height}px`,
  });
}

function send(cropper, delay) {
  if (cropper.timer) {
    if (delay) return;
    clearTimeout(cropper.timer);
  }
  cropper.timer = setTimeout(() => {
    cropper.timer = 0;
    if (`${cropper.crop}` !== `${cropper.head.crop}`) cropper.answer(cropper.crop);
  }, delay);
}

function follow(cropper, { clientX, clientY }) {
  const { head, drag: { resizes, x, y, crop } } = cropper;
  const right = clientX - x, down = clientY - y;
  if (!resizes) {
    set(cropper, [crop[0] + right / head.width, crop[1] + down / head.height, crop[2]], PERIOD);
    return;
  }
  // The opposite corner stays where it is.
  const [width, height] = sidesOf(head, crop[2]);
  const [largest] = sidesOf(head, 1);
  const left = crop[0] * head.width - width / 2, top = crop[1] * head.height - height / 2;
  const ratio = height / width;
  const most = Math.min(largest, head.width - left, (head.height - top) / ratio);
  const wanted = Math.max(head.least * largest, Math.min(most, width + Math.max(right, down / ratio)));
  set(cropper, [(left + wanted / 2) / head.width, (top + (wanted * ratio) / 2) / head.height, wanted / largest], PERIOD);
}

function press(cropper, event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const [x, y, share] = cropper.crop;
  const target = {
    ArrowLeft: [x - STEP, y, share],
    ArrowRight: [x + STEP, y, share],
    ArrowUp: [x, y - STEP, share],
    ArrowDown: [x, y + STEP, share],
    "+": [x, y, share * GROWTH],
    "-": [x, y, share / GROWTH],
    Home: [0.5, 0.5, 1],
  }[event.key];
  if (!target) return;
  event.preventDefault();
  event.stopPropagation();
  set(cropper, target, PERIOD);
}

// Takes pictures with a camera, one or a few a second, and sends them to Python.
//
// Streamlit calls the default export after each run of the script, always with the same
// parentElement. The state of each is kept in `cameras`. camera_stream.js is put before this file.

const cameras = new WeakMap();
const PERIOD = 250; // milliseconds between continuous pictures, at least
const PATIENCE = 10_000; // milliseconds to wait for Python before the next

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const place = parentElement.querySelector(".camera");
  let camera = cameras.get(parentElement);
  if (!camera || camera.place !== place) {
    camera = create(place);
    cameras.set(parentElement, camera);
  }
  camera.answer = (picture) => setTriggerValue("picture", picture);
  receive(camera, JSON.parse(new TextDecoder().decode(data)));
  return () => {
    // Also called when a newer run of the script overtakes this run: then it is still in use.
    setTimeout(() => {
      if (place.isConnected) return;
      switchOff(camera);
      camera.ended.abort();
      cameras.delete(parentElement);
    }, 0);
  };
}

function create(place) {
  const find = (name) => place.querySelector(name);
  const camera = {
    place,
    data: null,
    stream: null,
    opening: 0, // counts, so that a camera that opens late is switched off again
    sent: null, // { number, at }: the picture that Python has not answered yet
    number: 0,
    timer: 0,
    canvas: document.createElement("canvas"),
    ended: new AbortController(),
    video: find("video"),
    power: find(".power"),
    shoot: find(".shoot"),
    live: find(".live"),
    devices: find(".devices"),
  };
  camera.onSwitch = () => {
    update(camera);
    plan(camera);
  };
  camera.power.addEventListener("click", () => (camera.stream ? switchOff(camera) : switchOn(camera)));
  camera.shoot.addEventListener("click", () => take(camera));
  camera.live.addEventListener("change", () => {
    update(camera);
    plan(camera);
  });
  find("select").addEventListener("change", (event) => switchOn(camera, event.target.value));
  // Nobody looks at a page that is hidden.
  document.addEventListener("visibilitychange", () => plan(camera), { signal: camera.ended.signal });
  return camera;
}

function receive(camera, data) {
  camera.data = data;
  camera.number = Math.max(camera.number, data.number);
  if (camera.sent && data.number >= camera.sent.number) {
    camera.sent = null;
    plan(camera);
  }
  update(camera);
}

// The next of continuous pictures, once the last was answered.
function plan(camera) {
  clearTimeout(camera.timer);
  if (!camera.stream || !camera.live.checked || document.hidden) return;
  const { sent } = camera;
  const wait = sent ? PATIENCE : PERIOD - (performance.now() - (camera.at ?? 0));
  camera.timer = setTimeout(() => take(camera), Math.max(0, wait));
}

async function take(camera) {
  const blob = camera.stream && (await photograph(camera.video, camera.canvas, camera.data.side));
  if (!blob) return;
  const bytes = new Uint8Array(await blob.arrayBuffer());
  camera.number += 1;
  camera.at = performance.now();
  camera.sent = { number: camera.number };
  camera.answer({ number: camera.number, picture: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")) });
  plan(camera);
}

function update(camera) {
  const { place, stream, live } = camera;
  camera.power.textContent = stream ? "Switch the camera off" : "Switch the camera on";
  camera.power.classList.toggle("primary", !stream);
  camera.shoot.classList.toggle("primary", stream !== null && !live.checked);
  camera.shoot.disabled = !stream || live.checked;
  live.disabled = !stream;
  camera.devices.hidden ||= !stream;
  place.querySelector(".off").hidden = stream !== null;
  place.querySelector(".view").classList.toggle("live", stream !== null && live.checked);
}

// ---- The camera: switched on and off, and photographed ----------------------------------------
//
// A component sets `onSwitch` of its camera, which is called after it was switched on or off.

// The cameras on the page, by parentElement, which is the same after each run of the script.
const cameras = (globalThis.cifarvizCameras ??= new WeakMap());
const WANTED = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };

// Returns the camera of this element; `setUp` is called with a new one.
function findCamera(parentElement, setUp) {
  const place = parentElement.querySelector(".camera");
  const known = cameras.get(parentElement);
  if (known?.place === place) return known;
  const find = (name) => place.querySelector(name);
  const camera = {
    place,
    data: null, // what Python has sent last
    stream: null,
    opening: 0, // counts, so that a camera that opens late is switched off again
    canvas: document.createElement("canvas"),
    ended: new AbortController(), // aborted when the camera leaves the page
    video: find("video"),
    power: find(".power"),
    devices: find(".devices"),
  };
  camera.power.addEventListener("click", () => (camera.stream ? switchOff(camera) : switchOn(camera)));
  find("select").addEventListener("change", (event) => switchOn(camera, event.target.value));
  setUp(camera);
  cameras.set(parentElement, camera);
  return camera;
}

// Switches the camera off once it has left the page.
function endCamera(parentElement, camera) {
  // Also called when a newer run of the script overtakes this run: then it is still in use.
  setTimeout(() => {
    if (camera.place.isConnected) return;
    switchOff(camera);
    camera.ended.abort();
    cameras.delete(parentElement);
  }, 0);
}

function updatePower(camera) {
  const { place, power, stream } = camera;
  power.textContent = stream ? "Switch the camera off" : "Switch the camera on";
  power.classList.toggle("primary", !stream);
  camera.devices.hidden ||= !stream;
  place.querySelector(".off").hidden = stream !== null;
}

// Returns the stream of a camera; throws what getUserMedia does.
async function openStream(device) {
  if (!navigator.mediaDevices?.getUserMedia) throw new DOMException("", "Insecure");
  const video = device ? { ...WANTED, deviceId: { exact: device } } : WANTED;
  return navigator.mediaDevices.getUserMedia({ video, audio: false });
}

async function listCameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind }) => kind === "videoinput");
}

async function switchOn(camera, device = "") {
  closeStream(camera);
  const opening = (camera.opening += 1);
  const isLatest = () => camera.opening === opening && camera.place.isConnected;
  showTrouble(camera, null);
  camera.power.disabled = true;
  try {
    const stream = await openStream(device);
    if (!isLatest()) {
      stream.getTracks().forEach((track) => track.stop());
      return;
    }
    camera.stream = stream;
    const [track] = stream.getVideoTracks();
    track.addEventListener("ended", () => {
      if (camera.stream !== stream) return;
      switchOff(camera);
      showTrouble(camera, { name: "Ended" });
    });
    camera.video.srcObject = stream;
    camera.video.classList.toggle("mirrored", track.getSettings().facingMode === "user");
    await camera.video.play();
    showDevices(camera, await listCameras(), track.getSettings().deviceId);
  } catch (error) {
    if (isLatest()) {
      closeStream(camera);
      showTrouble(camera, error);
    }
  }
  camera.power.disabled = false;
  camera.onSwitch();
}

function switchOff(camera) {
  camera.opening += 1;
  closeStream(camera);
  camera.onSwitch();
}

function closeStream(camera) {
  const { stream } = camera;
  camera.stream = null;
  camera.video.srcObject = null;
  stream?.getTracks().forEach((track) => track.stop());
}

function showDevices(camera, devices, chosen) {
  camera.devices.hidden = devices.length < 2;
  camera.devices.querySelector("select").replaceChildren(
    ...devices.map(({ deviceId, label }, i) => new Option(label || `Camera ${i + 1}`, deviceId, false, deviceId === chosen)),
  );
}

function showTrouble(camera, error) {
  showText(camera.place.querySelector(".trouble"), error && explainTrouble(error));
}

function showText(place, text) {
  place.hidden = !text;
  if (place.textContent !== (text ?? "")) place.textContent = text ?? "";
}

// Why there is no picture, and what to do.
function explainTrouble(error) {
  switch (error?.name) {
    case "Insecure":
      return isSecureContext
        ? "This browser gives pages no camera. Open cifarviz in another browser."
        : `Browsers give a page the camera only at localhost or over HTTPS, and this page came from ${location.origin}. Open it at http://localhost${location.port && `:${location.port}`} on the computer that runs cifarviz.`;
    case "NotAllowedError":
    case "SecurityError":
      return "The browser does not let this page use the camera. Allow it in the page’s settings, left of the address, and switch it on again.";
    case "NotFoundError":
    case "OverconstrainedError":
      return "No camera was found. Connect one, and switch it on again.";
    case "NotReadableError":
    case "AbortError":
      return "The camera does not start: another program may be using it. Close that program, and switch the camera on again.";
    case "Ended":
      return "The camera was disconnected, or another program took it. Switch it on again.";
    default:
      return `The camera does not start (${error?.message || error}). Switch it on again, or try another browser.`;
  }
}

// The square in the middle of what the camera sees, as a JPEG of at most `side` pixels.
function photograph(video, canvas, side) {
  const { videoWidth: width, videoHeight: height } = video;
  const square = Math.min(width, height);
  if (!square) return Promise.resolve(null);
  canvas.width = canvas.height = Math.min(side, square);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(
    video, (width - square) / 2, (height - square) / 2, square, square,
    0, 0, canvas.width, canvas.height,
  );
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
}

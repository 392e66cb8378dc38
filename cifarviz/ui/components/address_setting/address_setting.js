// Puts a setting into the address, in place of the entry that the history has.

export default function ({ data }) {
  const address = new URL(window.location.href);
  if (address.searchParams.get(data.name) === data.value) return;
  if (data.value === null) address.searchParams.delete(data.name);
  else address.searchParams.set(data.name, data.value);
  window.history.replaceState(window.history.state, "", address);
  // Streamlit keeps a copy of the address, and looks at the real one only when it is told so.
  window.dispatchEvent(new PopStateEvent("popstate", { state: window.history.state }));
}

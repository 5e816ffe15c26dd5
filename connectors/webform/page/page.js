// What form.js and dialogue.js share: facts of the page, what this device keeps, and calls of the endpoint.
export const main = document.querySelector("main");
export const facts = JSON.parse(main.dataset.facts);
export const word = facts.words;
export const MOST = 20 * 1024 * 1024;
export const MOST_FILES = 10;
export const $ = (id) => document.getElementById(id);
export const fresh = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (n) => n.toString(16).padStart(2, "0")).join("");
export const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

// A pause that ends early when the browser is on the net again.
export const pause = (seconds) => new Promise((done) => {
  const end = () => { clearTimeout(timer); removeEventListener("online", end); done(); };
  const timer = setTimeout(end, seconds * 1000);
  addEventListener("online", end);
});
export const backoff = (tries) => Math.min(60, 2 ** Math.min(tries, 6)) * (0.5 + Math.random() / 2);

export const load = (key) => { try { return JSON.parse(localStorage.getItem(key) || "{}"); } catch { return {}; } };
export const save = (key, kept) => { try { localStorage.setItem(key, JSON.stringify(kept)); } catch { /* a browser that keeps nothing */ } };
export const drop = (key) => { try { localStorage.removeItem(key); } catch { /* the same */ } };

// Give {status, data}; status 0: nobody was reached.
export async function call(path, { body, token, raw, name, type } = {}) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  if (raw) Object.assign(headers, { "content-type": type || "application/octet-stream", "x-file-name": encodeURIComponent(name) });
  else if (body) headers["content-type"] = "application/json";
  try {
    const answer = await fetch(`${facts.base}/api/${path}`, { method: raw || body ? "POST" : "GET", body: raw || (body && JSON.stringify(body)), headers, cache: "no-store" });
    const text = await answer.text();
    let data = {};
    try { data = JSON.parse(text); } catch { data = { text }; }
    return { status: answer.status, data };
  } catch { return { status: 0, data: {} }; }
}

// Seconds until the same is worth trying again, or null when it never is.
export function again({ status, data }, tries) {
  if (status === 425 || status === 429) return data.after || 5;
  return status === 0 || status === 408 || status >= 500 ? backoff(tries) : null;
}

// The dialogue of a request: answers appear, and its person goes on writing. What is written waits on this device until
// the server has stored it, each message under one name. Lines of the agent count up: a page asks for those it has not seen.
import { $, MOST, again, backoff, call, facts, fresh, main, pause, save, sleep, word } from "./page.js";

export function open({ token, ticket, key, kept }) {
  const log = $("log"), words = $("words"), standing = $("standing"), items = new Map();
  let line = null, number = ticket || null, over = false, sending = false;
  kept.queue ||= []; kept.seen ||= 0;
  const keep = () => save(key, kept);
  const note = (text) => { if (standing.textContent !== text) standing.textContent = text; };
  const show = () => { $("number").textContent = number ? `${word.ticket} ${number}` : word.soon; };

  function entry(id, mine, text, files = [], from = 0) {
    const item = items.get(id) || document.createElement("li");
    const who = document.createElement("span");
    who.className = "gone"; who.textContent = `${mine ? word.you : word.we}: `;
    item.className = mine ? "mine" : ""; item.replaceChildren(who, text);
    files.forEach((file, place) => {
      const small = document.createElement("small");
      if (from) {
        const get = document.createElement("button");
        get.type = "button"; get.textContent = `${word.get}: ${file.name}`;
        get.addEventListener("click", () => fetchFile(from, place, file.name)); small.append(get);
      } else small.textContent = `📎 ${file.name}`;
      item.append(small);
    });
    if (!items.has(id)) { items.set(id, item); log.append(item); }
    log.parentElement.scrollTop = log.parentElement.scrollHeight;
  }
  function mark(id, text) {
    const item = items.get(id);
    item?.querySelector(".mark")?.remove();
    if (!item || !text) return;
    const small = document.createElement("small");
    small.className = "mark"; small.textContent = text; item.append(small);
  }
  async function fetchFile(from, place, name) {
    const answer = await fetch(`${facts.base}/api/files/${from}/${place}`, { headers: { authorization: `Bearer ${token}` } }).catch(() => null);
    if (!answer?.ok) return note(word.off);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob()); link.download = name; link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
  function end() { over = true; note(word.over); $("say").hidden = true; }

  function take(data) {
    number = data.ticket || number; show();
    const past = [...data.own.map((own) => [own.at, () => entry(own.id, true, own.text, own.files)]), ...data.lines.map((one) => [one.at, () => entry(`l${one.line}`, false, one.text, one.files, one.line)])];
    past.sort(([one], [other]) => one.localeCompare(other)).forEach(([, put]) => put());
    line = Math.max(line || 0, ...data.lines.map((one) => one.line));
    seen();
  }
  async function seen() {
    if (document.visibilityState !== "visible" || !line || line <= kept.seen) return;
    const upTo = line;
    if ((await call("seen", { body: { line: upTo }, token })).status === 204) { kept.seen = Math.max(kept.seen, upTo); keep(); }
  }
  async function listen() {
    let whole = true; // all is asked for at first, and once more with the number: what was sent is shown once it is on a ticket
    for (let tries = 0, looks = 0; !over;) {
      const began = performance.now(), first = line === null, placed = number;
      const answer = await call(whole ? "lines" : `lines?after=${line}${placed ? "&wait=1" : ""}`, { token });
      if (answer.status === 401) return end();
      if (answer.status !== 200) { note(word.off); await pause(again(answer, tries++) || backoff(tries)); continue; }
      tries = 0; note(kept.queue.length ? word.sending : word.on);
      take(answer.data);
      whole = !placed && Boolean(number);
      if (first) kept.queue.forEach((one) => { entry(one.id, true, one.text, one.names); mark(one.id, word.waits); });
      if (first) flush();
      if (!number) await pause(Math.min(30, 1.5 ** looks++)); // an address has so many calls a minute, and many people
      else if (!whole && !answer.data.lines.length && performance.now() - began < 1000) await sleep(3);
    }
  }
  async function flush() {
    if (sending || over) return;
    sending = true;
    for (let tries = 0; kept.queue.length && !over;) {
      const [next] = kept.queue, { id, text, files, refused } = next;
      const answer = await call("say", { body: { id, text, files, refused }, token });
      const seconds = answer.status === 202 ? null : again(answer, tries++);
      if (answer.status === 401) end();
      else if (seconds !== null) { note(answer.status === 429 ? word.often : word.off); await pause(seconds); }
      else {
        kept.queue = kept.queue.filter((one) => one.id !== id); keep(); tries = 0;
        mark(id, answer.status === 202 ? "" : word.failed); note(answer.status === 202 ? word.on : word.refused);
      }
    }
    sending = false;
  }
  function say(text, files, names, refused) {
    const one = { id: fresh(), text, files, names, refused };
    kept.queue.push(one); keep();
    entry(one.id, true, text, names); mark(one.id, word.waits);
    flush();
  }

  main.querySelector("#talk").hidden = false;
  show();
  $("private").value = `${new URL(`${facts.base}/dialogue`, location.href)}#${token}`;
  $("copy").addEventListener("click", async () => {
    $("private").select();
    try { await navigator.clipboard.writeText($("private").value); note(word.copied); } catch { /* it is marked: people copy it by themselves */ }
  });
  words.value = kept.draft || "";
  words.addEventListener("input", () => { kept.draft = words.value; keep(); });
  words.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); $("say").requestSubmit(); } });
  $("say").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = words.value.trim();
    if (!text) return words.focus();
    say(text, [], [], []);
    words.value = ""; kept.draft = ""; keep(); words.focus();
  });
  $("attach").addEventListener("change", async () => {
    for (const file of [...$("attach").files].slice(0, 10)) {
      const named = [{ name: file.name, size: file.size }];
      if (file.size > MOST) { note(`${word.large} ${facts.tooLarge}`.trim()); say("", [], named, named); continue; }
      const answer = await call("files", { raw: file, name: file.name, type: file.type, token });
      if (answer.status === 201) say("", [answer.data.text], named, []);
      else note(answer.status === 413 ? answer.data.text : word.off);
    }
    $("attach").value = "";
  });
  document.addEventListener("visibilitychange", seen);
  if (token) listen(); else end();
}

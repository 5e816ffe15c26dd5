// The form of a link. What is written stays on this device until the server has stored it; it carries one name (the
// client id), so that a second try is no second request. Once sent, the page goes on as the dialogue.
import { open } from "./dialogue.js";
import { $, MOST, MOST_FILES, again, call, drop, facts, fresh, load, pause, save, sleep, word } from "./page.js";

const KEY = `switchboard:${location.pathname}`; // the dialogue that goes on here; beside it the draft, which tabs share
const DRAFT = `${KEY}:draft`;
const NAMES = ["name", "email", "phone", "organisation", "installation", "subject", "text"];

function form() {
  const ask = $("ask"), problem = $("problem"), state = $("state"), fields = $("fields"), chosen = $("chosen"), trap = ask.elements.website;
  let kept = { client: fresh(), said: {}, files: [], trying: false, ...load(DRAFT) };
  const begun = load(KEY);
  let stamp = "", ready = 0, run = 0; // whoever sends before `ready` is taken for a machine
  const bytes = new Map(); // files that are not at the server yet; a reload loses them, and the page says so
  const keep = () => save(DRAFT, kept);
  const say = (text) => { state.textContent = text; };

  function complain(text, names = []) {
    problem.textContent = text; problem.hidden = !text;
    ask.querySelectorAll("[aria-invalid]").forEach((one) => one.removeAttribute("aria-invalid"));
    names.forEach((name) => $(name)?.setAttribute("aria-invalid", "true"));
    if (text) (($(names[0])) || problem).focus();
  }
  function lock(isLocked) {
    fields.disabled = isLocked; $("change").hidden = !isLocked; $("send").setAttribute("aria-disabled", String(isLocked));
    kept.trying = isLocked; keep();
  }
  function list() {
    chosen.replaceChildren(...kept.files.map((file) => {
      const item = document.createElement("li"), name = document.createElement("span"), remove = document.createElement("button");
      const where = file.refused ? word.large : file.handle ? "" : bytes.has(file.id) ? word.waits : word.again;
      name.textContent = where ? `${file.name} (${where})` : file.name;
      remove.type = "button"; remove.textContent = word.remove; remove.setAttribute("aria-label", `${word.remove}: ${file.name}`);
      remove.addEventListener("click", () => { kept.files = kept.files.filter((one) => one !== file); bytes.delete(file.id); keep(); list(); $("files").focus(); });
      item.append(name, remove);
      return item;
    }));
  }
  async function begin() {
    if (stamp) return { status: 200 };
    const answer = await call("start", { body: { link: facts.link, client: kept.client } });
    if (answer.status === 200) { stamp = answer.data.stamp; ready = performance.now() + answer.data.after * 1000; }
    return answer;
  }
  async function upload(file) {
    const content = bytes.get(file.id);
    const answer = await call("files", { raw: content, name: file.name, type: content.type, token: stamp });
    if (answer.status === 201) { file.handle = answer.data.text; bytes.delete(file.id); }
    if (answer.status === 413) { file.refused = true; bytes.delete(file.id); }
    keep(); list();
    return answer;
  }
  async function attempt() {
    const began = await begin();
    if (began.status !== 200) return began;
    for (const file of kept.files.filter((one) => bytes.has(one.id))) {
      const answer = await upload(file);
      if (![201, 413].includes(answer.status)) return answer;
    }
    if (kept.files.some((file) => !file.handle && !file.refused)) return { status: 422, data: { why: "file" } };
    const refused = kept.files.filter((file) => file.refused).map(({ name, size }) => ({ name, size }));
    const files = kept.files.filter((file) => file.handle).map((file) => file.handle);
    const page = document.referrer.slice(0, 300), early = ready - performance.now();
    if (early > 0) await sleep(early / 1000);
    return call("send", { token: stamp, body: { ...kept.said, files, refused, website: trap.value, language: facts.language, page } });
  }
  function stop({ status, data }) {
    const told = { missing: word.missing, email: word.email_wrong, empty: word.empty, long: word.long, trap: word.trapped, file: word.file_lost, revoked: word.revoked, expired: word.expired, unknown: word.unknown };
    if (data.why === "trap") trap.value = "";
    if (data.why === "file") { kept.files.forEach((file) => { if (!bytes.has(file.id)) delete file.handle; }); list(); }
    if (status === 401) stamp = "";
    lock(false); say(word.kept);
    complain(told[data.why] || word.refused, data.why === "long" ? ["text"] : data.why === "file" ? ["files"] : data.fields || []);
  }
  async function send() {
    const mine = ++run;
    complain(""); lock(true); say(word.sending);
    for (let tries = 0; mine === run; tries++) {
      const used = stamp;
      const answer = await attempt();
      if (mine !== run) return;
      if (answer.status === 202) return finish(answer.data);
      if (answer.status === 401 && used) { stamp = ""; continue; } // a stamp lives a day; the draft, longer
      const seconds = again(answer, tries);
      if (seconds === null) return stop(answer);
      if (answer.status !== 425) say(answer.status === 429 ? word.often : word.off);
      await pause(seconds);
    }
  }
  function finish(data) {
    const talk = { dialogue: data.dialogue, ticket: data.ticket, client: kept.client };
    save(KEY, talk); drop(DRAFT);
    show(talk);
    $("done").focus();
  }
  function show(talk) {
    $("request").hidden = true; $("anew").hidden = false;
    open({ token: talk.dialogue, ticket: talk.ticket, key: KEY, kept: talk });
  }

  if (begun.dialogue) show(begun);
  NAMES.forEach((name) => { const field = $(name); if (field) field.value = kept.said?.[name] || ""; });
  ask.addEventListener("input", (event) => {
    if (!NAMES.includes(event.target.name)) return;
    kept.said[event.target.name] = event.target.value; keep();
  });
  $("files").addEventListener("change", async () => {
    complain("");
    for (const file of $("files").files) {
      if (kept.files.length >= MOST_FILES) { complain(word.many, ["files"]); break; }
      const entry = { id: fresh(), name: file.name, size: file.size };
      if (file.size > MOST) { entry.refused = true; complain(`${word.large} ${facts.tooLarge}`.trim(), ["files"]); } else bytes.set(entry.id, file);
      kept.files = kept.files.filter((one) => one.handle || one.refused || bytes.has(one.id) || one.name !== file.name);
      kept.files.push(entry);
    }
    $("files").value = "";
    keep(); list();
    if ((await begin()).status !== 200) return;
    for (const file of kept.files.filter((one) => bytes.has(one.id))) await upload(file);
  });
  ask.addEventListener("submit", (event) => {
    event.preventDefault();
    if (kept.trying) return;
    if (load(KEY).client === kept.client) { // another tab has sent under this name: ours is another request
      kept.client = fresh(); stamp = "";
      kept.files.forEach((file) => delete file.handle);
    }
    const empty = [...ask.querySelectorAll("[required]")].filter((one) => !one.value.trim() && !(one.id === "text" && kept.files.length));
    if (empty.length) return complain(empty.length === 1 && empty[0].id === "text" ? word.empty : word.missing, empty.map((one) => one.id));
    if ($("email")?.value && !$("email").value.includes("@")) return complain(word.email_wrong, ["email"]);
    send();
  });
  $("change").addEventListener("click", () => { run++; lock(false); say(word.kept); $("text").focus(); });
  $("new").addEventListener("click", () => { drop(KEY); location.reload(); });
  if (!begun.dialogue) { list(); if (kept.trying) send(); else begin(); }
}

document.querySelectorAll("nav a").forEach((link) => link.addEventListener("click", () => { link.href += location.hash; }));
if (facts.mode === "form") form();
else open({ token: location.hash.slice(1), key: `switchboard:${location.hash.slice(-24)}`, kept: load(`switchboard:${location.hash.slice(-24)}`) });

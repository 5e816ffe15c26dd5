// The chat of a site: <script src=".../webchat/ACCOUNT/widget.js" data-language="pt" defer></script>
// A message stays in this browser until the server has stored it; it carries one name, so that a second try is no second
// message. Lines of the agent count up, so that a page that was away asks for those it has not seen.
(() => {
  "use strict";
  const ACCOUNT = /*ACCOUNT*/ {};
  const script = document.currentScript;
  const base = script.src.replace(/\/widget\.js.*$/, "");
  const WORDS = {
    en: { open: "Chat with us", close: "Close chat", say: "Write a message", send: "Send", file: "Attach a file", on: "Connected", off: "No connection. What you write is sent when it is back.", wait: "sending …", large: "This file is larger than 20 MiB and is not sent.", failed: "This was not accepted.", turn: "Make it a ticket", mail: "Your e-mail, so that we can write to you (optional)", turned: "Your request is a ticket now. We answer here.", you: "You", we: "Support", hello: "Write to us. We answer here.", ended: "The chat was closed: ", get: "Download" },
    pt: { open: "Fale connosco", close: "Fechar a conversa", say: "Escreva uma mensagem", send: "Enviar", file: "Anexar um ficheiro", on: "Ligado", off: "Sem ligação. O que escrever é enviado quando voltar.", wait: "a enviar …", large: "Este ficheiro tem mais de 20 MiB e não é enviado.", failed: "Isto não foi aceite.", turn: "Transformar em pedido", mail: "O seu e-mail, para lhe escrevermos (opcional)", turned: "O seu pedido foi registado. Respondemos aqui.", you: "Você", we: "Suporte", hello: "Escreva-nos. Respondemos aqui.", ended: "A conversa foi fechada: ", get: "Transferir" },
    ru: { open: "Написать нам", close: "Закрыть чат", say: "Напишите сообщение", send: "Отправить", file: "Приложить файл", on: "На связи", off: "Нет связи. Написанное уйдёт, когда она вернётся.", wait: "отправляется …", large: "Этот файл больше 20 МиБ и не отправлен.", failed: "Это не принято.", turn: "Оформить как заявку", mail: "Ваша почта, чтобы мы могли написать (необязательно)", turned: "Заявка оформлена. Мы ответим здесь.", you: "Вы", we: "Поддержка", hello: "Напишите нам. Мы ответим здесь.", ended: "Чат закрыт: ", get: "Скачать" },
  };
  const asked = (script.dataset.language || document.documentElement.lang || navigator.language || "en").slice(0, 2).toLowerCase();
  const language = WORDS[asked] ? asked : "en";
  const word = WORDS[language];
  const user = script.dataset.user ? { id: script.dataset.user, expires: script.dataset.expires, signature: script.dataset.signature, name: script.dataset.name } : null;
  const KEY = `switchboard:${base}${user ? ":" + user.id : ""}`;
  const MOST = 20 * 1024 * 1024;

  let kept = { token: "", line: null, queue: [], seen: 0 };
  try { kept = { ...kept, ...JSON.parse(localStorage.getItem(KEY) || "{}") }; } catch { /* a browser that keeps nothing */ }
  kept.line = null; // what is shown begins empty on every page
  const keep = () => { try { localStorage.setItem(KEY, JSON.stringify({ ...kept, token: user ? "" : kept.token })); } catch { /* the same */ } };
  let token = kept.token, socket = null, live = false, tries = 0, beat = 0, over = false, retry = 0;

  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  root.innerHTML = `<style>
    :host{all:initial;--back:#fff;--text:#1b1f24;--soft:#eef1f4;--mine:#0b57d0;--on:#fff;--edge:#8a94a0;font:16px/1.4 system-ui,sans-serif}
    @media (prefers-color-scheme:dark){:host{--back:#16191d;--text:#eceff2;--soft:#262b31;--mine:#8ab4f8;--on:#10131a;--edge:#7d8894}}
    *{box-sizing:border-box}button,textarea,input{font:inherit;color:inherit}
    button{cursor:pointer;border:1px solid var(--edge);background:var(--soft);border-radius:8px;padding:8px 12px;min-height:44px}
    button.main,.open{background:var(--mine);color:var(--on);border-color:var(--mine)}
    :focus-visible{outline:3px solid var(--mine);outline-offset:2px}
    .open{position:fixed;right:16px;bottom:16px;border-radius:24px;padding:12px 20px;z-index:2147483000}
    section{position:fixed;right:16px;bottom:16px;width:min(380px,calc(100vw - 16px));height:min(560px,calc(100dvh - 16px));display:flex;flex-direction:column;background:var(--back);color:var(--text);border:1px solid var(--edge);border-radius:12px;z-index:2147483000;overflow:hidden}
    @media (max-width:480px){section{right:0;bottom:0;width:100vw;height:100dvh;border-radius:0;border:0}}
    [hidden]{display:none!important}header{display:flex;align-items:center;gap:8px;padding:8px 12px;border-bottom:1px solid var(--edge)}
    h2{font-size:1.05em;margin:0;flex:1}.state{font-size:.85em;padding:4px 12px;margin:0}
    .log{flex:1;overflow-y:auto}ol{margin:0;padding:12px;list-style:none;display:flex;flex-direction:column;gap:8px}
    li{max-width:85%;padding:8px 12px;border-radius:10px;background:var(--soft);white-space:pre-wrap;overflow-wrap:anywhere;align-self:flex-start}
    li.mine{align-self:flex-end;border:1px solid var(--mine);background:transparent}li small{display:block;font-size:.8em}
    form{display:flex;flex-wrap:wrap;gap:8px;padding:8px 12px;border-top:1px solid var(--edge)}
    textarea{flex:1 1 100%;min-height:56px;resize:none;background:var(--back);border:1px solid var(--edge);border-radius:8px;padding:8px}
    input[type=email]{flex:1 1 100%;background:var(--back);border:1px solid var(--edge);border-radius:8px;padding:8px;min-height:44px}
    .gone{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
  </style>
  <button class="open" aria-expanded="false"></button>
  <section role="dialog" aria-labelledby="t" hidden>
    <header><h2 id="t"></h2><button class="close"></button></header>
    <p class="state" role="status"></p>
    <div class="log" role="log" aria-live="polite" aria-labelledby="t" tabindex="0"><ol role="list"></ol></div>
    <form class="say"><label class="gone" for="m"></label><textarea id="m" maxlength="8000" rows="2"></textarea>
      <button class="main" type="submit"></button><button type="button" class="file"></button><button type="button" class="turn"></button>
      <input type="file" hidden multiple></form>
    <form class="mail" hidden><label for="e"></label><input id="e" type="email" autocomplete="email" maxlength="320"><button class="main" type="submit"></button></form>
  </section>`;
  const $ = (selector) => root.querySelector(selector);
  const box = $("section"), open = $(".open"), list = $("ol"), log = $(".log"), field = $("textarea"), picker = $("input[type=file]"), state = $(".state"), mail = $(".mail");
  $("h2").textContent = ACCOUNT.title || "Support";
  open.textContent = word.open;
  $(".close").textContent = "×"; $(".close").setAttribute("aria-label", word.close);
  $("label[for=m]").textContent = word.say; field.placeholder = word.say;
  $(".say .main").textContent = word.send; $(".file").textContent = word.file; $(".turn").textContent = word.turn;
  $("label[for=e]").textContent = word.mail; $(".mail .main").textContent = word.turn;
  field.value = kept.draft || "";

  const show = (isOpen) => {
    box.hidden = !isOpen; open.hidden = isOpen; open.setAttribute("aria-expanded", String(isOpen));
    (isOpen ? field : open).focus();
    if (isOpen) { connect(); seen(); }
  };
  const note = (text) => { state.textContent = text; };
  const items = new Map();
  const entry = (id, mine, text, files, line) => {
    const item = items.get(id) || document.createElement("li");
    item.className = mine ? "mine" : "";
    item.textContent = text;
    const who = document.createElement("span"); who.className = "gone"; who.textContent = `${mine ? word.you : word.we}: `;
    item.prepend(who);
    (files || []).forEach((file, place) => {
      const named = document.createElement("small");
      if (line) {
        const get = document.createElement("button"); get.type = "button"; get.textContent = `${word.get}: ${file.name}`;
        get.addEventListener("click", () => fetchFile(line, place, file.name)); named.append(get);
      } else named.textContent = `📎 ${file.name}`;
      item.append(named);
    });
    if (!items.has(id)) { items.set(id, item); list.append(item); }
    log.scrollTop = log.scrollHeight;
    return item;
  };
  const mark = (id, text) => {
    const item = items.get(id); if (!item) return;
    let small = item.querySelector(".mark");
    if (!small) { small = document.createElement("small"); small.className = "mark"; item.append(small); }
    small.textContent = text;
  };
  const fetchFile = async (line, place, name) => {
    const answer = await fetch(`${base}/files/${line}/${place}`, { headers: { authorization: `Bearer ${token}` } });
    if (!answer.ok) return note(word.failed);
    const link = document.createElement("a"); link.href = URL.createObjectURL(await answer.blob()); link.download = name; link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  const send = (frame) => { if (live && socket.readyState === 1) socket.send(JSON.stringify(frame)); };
  const fresh = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (n) => n.toString(16).padStart(2, "0")).join("");
  const queue = (frame) => { kept.queue.push(frame); keep(); if (live) send(frame); };
  const seen = () => { if (!box.hidden && document.visibilityState === "visible" && kept.line && kept.line > kept.seen && live) { send({ t: "seen", line: kept.line }); kept.seen = kept.line; keep(); } };
  const add = (line) => {
    if (kept.line !== null && line.line <= kept.line) return;
    entry(`l${line.line}`, false, line.text, line.files, line.line);
    kept.line = line.line; keep();
    send({ t: "got", line: line.line }); seen();
  };

  const heard = {
    welcome(frame) {
      live = true; tries = 0; token = frame.token; kept.token = token; keep(); note(word.on);
      const past = [...frame.own.map((own) => [own.at, () => entry(own.id, true, own.text, own.files)]), ...frame.lines.map((line) => [line.at, () => add(line)])];
      past.sort((one, other) => one[0].localeCompare(other[0])).forEach(([, put]) => put());
      if (kept.line === null) kept.line = 0;
      clearInterval(beat); beat = setInterval(() => send({ t: "ping" }), frame.beat * 1000);
      kept.queue.forEach((waiting) => { if (waiting.t === "say") { entry(waiting.id, true, waiting.text, waiting.names); mark(waiting.id, word.wait); } send(strip(waiting)); });
    },
    line: add,
    own(frame) { entry(frame.id, true, frame.text, frame.files); },
    ack(frame) {
      const was = kept.queue.find((waiting) => waiting.id === frame.id);
      kept.queue = kept.queue.filter((waiting) => waiting.id !== frame.id); keep(); mark(frame.id, "");
      if (was && was.t === "turn") note(word.turned);
    },
    later(frame) { retry = retry || setTimeout(() => { retry = 0; kept.queue.forEach((waiting) => send(strip(waiting))); }, frame.after * 1000); },
    refused(frame) { kept.queue = kept.queue.filter((waiting) => waiting.id !== frame.id); keep(); mark(frame.id, word.failed); },
    bye(frame) {
      if (["forged", "expired"].includes(frame.reason) && !user) { token = kept.token = ""; kept.line = null; keep(); }
      else if (["forged", "expired", "flood", "frame", "too_big"].includes(frame.reason)) { over = frame.reason !== "flood"; note(word.ended + frame.reason); }
    },
    pong() {},
  };
  const strip = ({ names, ...frame }) => frame;
  function connect() {
    if (socket || over) return;
    socket = new WebSocket(base.replace(/^http/, "ws") + "/socket");
    socket.addEventListener("open", () => socket.send(JSON.stringify({ t: "hello", token: user ? "" : token, user, line: kept.line, page: location.pathname.slice(0, 300), language })));
    socket.addEventListener("message", (event) => { const frame = JSON.parse(event.data); (heard[frame.t] || (() => {}))(frame); });
    socket.addEventListener("close", () => {
      socket = null; live = false; clearInterval(beat);
      if (over) return;
      note(word.off);
      setTimeout(connect, Math.min(30000, 500 * 2 ** tries++) * (0.5 + Math.random() / 2));
    });
  }

  const say = (text, files, names, refused) => {
    const frame = { t: "say", id: fresh(), text, files, refused, names };
    entry(frame.id, true, text, names); mark(frame.id, word.wait);
    kept.queue.push(frame); keep(); send(strip(frame));
  };
  $(".say").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = field.value.trim(); if (!text) return;
    say(text, [], [], []);
    field.value = ""; kept.draft = ""; keep(); field.focus();
  });
  field.addEventListener("input", () => { kept.draft = field.value; keep(); });
  field.addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); $(".say").requestSubmit(); } });
  $(".file").addEventListener("click", () => picker.click());
  picker.addEventListener("change", async () => {
    for (const file of [...picker.files].slice(0, 10)) {
      if (file.size > MOST) { note(`${word.large} ${ACCOUNT.tooLarge || ""}`.trim()); say("", [], [{ name: file.name }], [{ name: file.name, size: file.size }]); continue; }
      try {
        const answer = await fetch(`${base}/files`, { method: "POST", body: file, headers: { authorization: `Bearer ${token}`, "content-type": file.type || "application/octet-stream", "x-file-name": encodeURIComponent(file.name) } });
        if (answer.status === 201) say("", [await answer.text()], [{ name: file.name }], []);
        else note(answer.status === 413 ? await answer.text() : word.failed);
      } catch { note(word.off); }
    }
    picker.value = "";
  });
  $(".turn").addEventListener("click", () => { mail.hidden = !mail.hidden; if (!mail.hidden) $("#e").focus(); });
  mail.addEventListener("submit", (event) => { event.preventDefault(); mail.hidden = true; queue({ t: "turn", id: fresh(), email: $("#e").value.trim() }); field.focus(); });
  open.addEventListener("click", () => show(true));
  $(".close").addEventListener("click", () => show(false));
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return show(false);
    if (event.key !== "Tab") return;
    const stops = [...box.querySelectorAll("button,textarea,input:not([type=file]),.log")].filter((one) => one.offsetParent !== null);
    const first = stops[0], last = stops[stops.length - 1];
    if (event.shiftKey && root.activeElement === first) { event.preventDefault(); last.focus(); }
    else if (!event.shiftKey && root.activeElement === last) { event.preventDefault(); first.focus(); }
  });
  document.addEventListener("visibilitychange", seen);
  note(word.hello);
  document.body.append(host);
  if (kept.queue.length || kept.token) connect();
})();

"use strict";

// The phone. The server tells the whole state of one person's phone; this script draws it and says
// what the person does. All text is set as text, never as markup.

const words = JSON.parse(document.body.dataset.words);
const QUIET_MS = 4000;
const phone = { account: "", name: remembered("name") || "ana.souza", state: null, drawn: {} };

function remembered(key) {
  try { return localStorage.getItem("igrules." + key); } catch { return null; }
}

function remember(key, value) {
  try { localStorage.setItem("igrules." + key, value); } catch { /* private window */ }
}

function find(id) { return document.getElementById(id); }

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function copyOf(id) { return find(id).content.firstElementChild.cloneNode(true); }

function hueOf(text) {
  let sum = 0;
  for (const letter of text) sum = (sum * 31 + letter.codePointAt(0)) % 6;
  return "hue" + sum;
}

function paintAvatar(node, account) {
  const parts = account.title.split(/\s+/).filter(Boolean);
  node.textContent = parts.slice(0, 2).map((part) => [...part][0]).join("").toUpperCase();
  const place = phone.state.accounts.findIndex((one) => one.id === account.id);
  node.className = "avatar hue" + (place % 6);
}

function clock(ms) {
  return new Date(ms).toLocaleTimeString(words.lang, { hour: "2-digit", minute: "2-digit" });
}

function current() {
  return phone.state && phone.state.accounts.find((one) => one.id === phone.account);
}

// --- talking to the server

async function act(what) {
  const body = { account: phone.account, as: phone.name, ...what };
  try {
    const answer = await fetch("/phone/do", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) alarm(words.refused);
    return answer.ok;
  } catch {
    alarm(words.lost);
    return false;
  }
}

let asking = null;

async function listen() {
  let since = 0;
  for (;;) {
    asking = new AbortController();
    const asked = phone.account + "|" + phone.name;
    const query = new URLSearchParams({ account: phone.account, as: phone.name, since });
    try {
      const answer = await fetch("/phone/state?" + query, { signal: asking.signal });
      if (!answer.ok) throw new Error(String(answer.status));
      const state = await answer.json();
      since = state.version;
      alarm("");
      if (!phone.account && state.accounts.length) {
        choose(firstAccount(state.accounts), false);
        since = 0;
      } else if (asked === phone.account + "|" + phone.name) {
        state.skew = Date.now() - (state.now || Date.now());
        phone.state = state;
        draw();
      } else {
        since = 0;
      }
    } catch (error) {
      since = 0;
      if (error.name !== "AbortError") {
        alarm(words.lost);
        await new Promise((done) => setTimeout(done, 1000));
      }
    }
  }
}

function firstAccount(accounts) {
  const last = remembered("account");
  return accounts.some((one) => one.id === last) ? last : accounts[0].id;
}

function choose(id, again = true) {
  phone.account = id;
  phone.drawn = {};
  remember("account", id);
  if (again && asking) asking.abort();
}

function alarm(text) {
  const node = find("alarm");
  node.textContent = text;
  node.hidden = !text;
}

// --- drawing; each part only when it changed, so that nothing jumps under the finger

function changed(part, value) {
  const text = JSON.stringify(value);
  if (phone.drawn[part] === text) return false;
  phone.drawn[part] = text;
  return true;
}

function draw() {
  const state = phone.state;
  const account = current();
  if (!account) return;
  if (changed("accounts", [state.accounts, phone.account])) drawAccounts(state.accounts, account);
  if (changed("thread", [state.thread, state.typing])) drawThread(state);
  if (changed("hints", account.hints)) drawHints(find("dm-hints"), account.hints, (text) => {
    act({ do: "write", text });
  });
  if (changed("posts", state.posts)) drawPosts(state.posts, account);
  if (changed("follows", state.follows)) drawFollow(state.follows);
  if (changed("wire", state.wire)) drawWire(state.wire);
  drawQuiet();
}

function drawAccounts(accounts, chosen) {
  const nodes = accounts.map((account) => {
    const node = copyOf("t-account");
    paintAvatar(node.querySelector(".avatar"), account);
    node.querySelector("b").textContent = account.title;
    node.querySelector("small").textContent = "@" + account.username;
    node.setAttribute("aria-pressed", account.id === chosen.id);
    node.addEventListener("click", () => {
      choose(account.id);
      show("thread");
    });
    return node;
  });
  find("accounts").replaceChildren(...nodes);
  paintAvatar(find("head-avatar"), chosen);
  find("head-title").textContent = chosen.title;
  find("head-name").textContent = "@" + chosen.username;
}

function drawFollow(follows) {
  const button = find("follow");
  button.textContent = follows ? words.following : words.follow;
  button.setAttribute("aria-pressed", Boolean(follows));
}

function drawThread(state) {
  const box = find("thread");
  const nodes = [];
  let before = null;
  for (const message of state.thread) {
    if (!before || message.at - before.at > 600000) {
      nodes.push(make("time", "", clock(message.at)));
    }
    nodes.push(drawMessage(message));
    before = message;
  }
  if (!nodes.length) nodes.push(make("p", "empty", words.empty_thread));
  const last = state.thread.at(-1);
  if (last && last.own && last.options.length) nodes.push(drawOptions(last));
  if (last && !last.own && last.seen) nodes.push(make("small", "seen", words.seen));
  if (state.typing) nodes.push(drawTyping());
  box.replaceChildren(...nodes);
  box.scrollTop = box.scrollHeight;
}

function drawMessage(message) {
  const row = make("div", message.own ? "row theirs" : "row mine");
  if (message.comment) {
    row.append(make("small", "note", words.private_reply + ": “" + message.comment + "”"));
  }
  if (message.story) row.append(make("small", "note", words.story_replied));
  if (message.unsent) {
    row.append(make("div", "bubble gone", words.unsent));
    return row;
  }
  if (message.text) row.append(drawBubble(message));
  for (const card of message.cards) row.append(drawCard(card, message.mid));
  if (message.reactions.length) {
    row.append(make("span", "reaction", [...new Set(message.reactions)].join(" ")));
  }
  if (message.own) row.append(drawHeart(message));
  return row;
}

function drawBubble(message) {
  const bubble = make("div", "bubble");
  const text = make("div", "words");
  linkify(text, message.text);
  bubble.append(text);
  for (const button of message.buttons) bubble.append(drawButton(button, message.mid));
  return bubble;
}

function drawButton(button, mid) {
  if (button.url) {
    const link = make("a", "choice", button.title);
    openOutside(link, button.url);
    return link;
  }
  const node = make("button", "choice", button.title);
  node.type = "button";
  node.addEventListener("click", () => act({ do: "tap", mid, payload: button.payload }));
  return node;
}

function drawOptions(message) {
  const box = make("div", "options");
  for (const option of message.options) {
    const chip = make("button", "chip", option.title);
    chip.type = "button";
    chip.addEventListener("click", () => {
      act({ do: "tap", mid: message.mid, payload: option.payload });
    });
    box.append(chip);
  }
  return box;
}

const ICONS = {
  video: "video", audio: "audio", file: "file", story_mention: "story", element: "bag",
};

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", "#i-" + name);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

const NAMES = {
  image: words.image, video: words.video, audio: words.audio, file: words.file,
  story_mention: words.story_mentioned, media_share: words.post_shared,
};

function drawCard(card, mid) {
  if (card.kind === "like_heart") {
    const heart = make("div", "big-heart");
    heart.append(icon("heart"));
    return heart;
  }
  const box = make("div", "card");
  const picture = make("div", "card-picture " + hueOf(card.kind + card.url));
  picture.append(icon(ICONS[card.kind] || "image"));
  box.append(picture);
  const text = make("div", "card-text");
  const title = make(card.link ? "a" : "b", "", card.title || NAMES[card.kind] || card.kind);
  if (card.link) openOutside(title, card.link);
  text.append(title);
  if (card.subtitle) text.append(make("small", "", card.subtitle));
  if (card.url && card.kind !== "element") {
    const link = make("a", "", shortUrl(card.url));
    openOutside(link, card.url);
    text.append(link);
  }
  box.append(text);
  for (const button of card.buttons) box.append(drawButton(button, mid));
  return box;
}

function drawHeart(message) {
  const heart = make("button", "react");
  heart.append(icon("heart"));
  heart.type = "button";
  heart.title = words.react;
  heart.setAttribute("aria-label", words.react);
  heart.setAttribute("aria-pressed", message.loved);
  heart.addEventListener("click", () => {
    act({ do: "react", mid: message.mid, emoji: message.loved ? "" : "❤️" });
  });
  return heart;
}

function drawTyping() {
  const row = make("div", "row theirs");
  const bubble = make("div", "bubble typing");
  bubble.setAttribute("aria-label", current().title + " " + words.typing);
  bubble.append(make("i"), make("i"), make("i"));
  row.append(bubble);
  return row;
}

function drawHints(box, hints, use) {
  const nodes = hints.map((hint) => {
    const chip = make("button", "idea", hint);
    chip.type = "button";
    chip.addEventListener("click", () => use(hint));
    return chip;
  });
  box.replaceChildren(...nodes);
  box.hidden = !nodes.length;
}

function drawPosts(posts, account) {
  const box = find("feed");
  const known = new Map([...box.querySelectorAll(".post")].map((node) => [node.dataset.id, node]));
  const nodes = posts.map((post) => known.get(post.id) || makePost(post, account));
  if (nodes.length !== known.size || nodes.some((node) => !node.isConnected)) {
    box.replaceChildren(...nodes);
  }
  if (!posts.length) box.replaceChildren(make("p", "empty", words.no_posts));
  posts.forEach((post, place) => drawComments(nodes[place], post));
}

function makePost(post, account) {
  const node = copyOf("t-post");
  node.dataset.id = post.id;
  paintAvatar(node.querySelector(".avatar"), account);
  node.querySelector("b").textContent = account.username;
  node.querySelector(".live").hidden = !post.live;
  node.querySelector(".picture").classList.add(hueOf(post.id + post.caption));
  const sentence = post.caption.split(/[.!?\n\p{Extended_Pictographic}]/u)[0].trim();
  node.querySelector(".picture span").textContent = sentence.split(/\s+/).slice(0, 8).join(" ");
  const caption = node.querySelector(".caption");
  caption.append(make("b", "", account.username), " ");
  linkify(caption, post.caption);
  drawHints(node.querySelector(".suggest"), account.comment_hints, (text) => {
    act({ do: "comment", post: post.id, text });
  });
  const form = node.querySelector("form");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sendFrom(form.querySelector("input"), (text) => ({ do: "comment", post: post.id, text }));
  });
  return node;
}

function drawComments(node, post) {
  const box = node.querySelector(".comments");
  const nodes = [];
  for (const comment of post.comments) {
    nodes.push(drawComment(comment, ""));
    for (const reply of comment.replies) nodes.push(drawComment(reply, " answer"));
    if (comment.private && comment.mine) {
      const note = make("button", "private", "✉ " + words.private_sent);
      note.type = "button";
      note.addEventListener("click", () => show("thread"));
      nodes.push(note);
    }
  }
  if (!nodes.length) nodes.push(make("p", "empty", words.empty_comments));
  box.replaceChildren(...nodes);
  box.scrollTop = box.scrollHeight;
}

function drawComment(comment, extra) {
  const row = make("p", "comment" + extra + (comment.hidden ? " faded" : ""));
  row.append(make("b", "", comment.username), " ");
  if (comment.own) row.append(make("em", "", words.author), " ");
  linkify(row, comment.text);
  return row;
}

function drawWire(wire) {
  const nodes = [...wire].reverse().map((one) => {
    const row = make("li", one.way);
    row.append(make("i", "", one.way === "webhook" ? "→" : "←"));
    row.append(make("span", "", one.what));
    row.title = words[one.way] + " · " + one.what;
    const good = one.status >= 200 && one.status < 300;
    row.append(make("small", good ? "good" : "bad", one.status ? one.status : "–"));
    if (one.way === "webhook") row.append(make("small", "", one.took + " ms"));
    return row;
  });
  if (!nodes.length) nodes.push(make("li", "empty", words.wire_empty));
  find("wire").replaceChildren(...nodes);
}

// Says so when nothing came back: silence is the thing people ask about most.
function drawQuiet() {
  const state = phone.state;
  if (!state || !state.thread) return;
  const now = Date.now() - state.skew;
  const last = state.thread.at(-1);
  const quiet = last && !last.own && !state.typing && now - last.at > QUIET_MS;
  const box = find("thread");
  if (showHint(find("thread-hint"), quiet ? words.unanswered : "")) {
    box.scrollTop = box.scrollHeight;
  }
  for (const post of state.posts) {
    const node = document.querySelector('.post[data-id="' + CSS.escape(post.id) + '"]');
    const comment = post.comments.filter((one) => one.mine).at(-1);
    const silent = comment && !comment.private && !comment.replies.some((one) => one.own)
      && now - comment.at > QUIET_MS;
    if (node) showHint(node.querySelector(".hint"), silent ? words.unanswered_comment : "");
  }
}

// Whether something changed.
function showHint(node, text) {
  if (node.textContent === text) return false;
  node.hidden = !text;
  node.textContent = text;
  return true;
}

// --- words with links

function linkify(node, text) {
  let end = 0;
  for (const found of text.matchAll(/https?:\/\/[^\s<>"]+[^\s<>"'.,;:!?)\]]/g)) {
    node.append(text.slice(end, found.index));
    const link = make("a", "", found[0]);
    openOutside(link, found[0]);
    node.append(link);
    end = found.index + found[0].length;
  }
  node.append(text.slice(end));
}

function openOutside(link, url) {
  if (!/^https?:\/\//.test(url)) return;
  link.href = url;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
}

function shortUrl(url) {
  return url.replace(/^https?:\/\//, "").slice(0, 60);
}

// --- what the person does

async function sendFrom(input, what) {
  const text = input.value.trim();
  if (!text) return;
  input.value = "";
  if (!(await act(what(text)))) input.value = text;
}

function show(tab) {
  document.body.dataset.tab = tab;
  for (const button of document.querySelectorAll(".tabs button")) {
    button.setAttribute("aria-current", button.dataset.tab === tab);
  }
}

function openMenu(open) {
  find("menu").hidden = !open;
  find("attach").setAttribute("aria-expanded", open);
}

function wireUp() {
  if (location.search) history.replaceState(null, "", location.pathname);
  const name = find("name");
  name.value = phone.name;
  name.addEventListener("change", () => {
    const wanted = name.value.trim().replace(/^@/, "").replace(/[^\p{L}\p{N}_.]/gu, "");
    phone.name = wanted || phone.name;
    name.value = phone.name;
    phone.drawn = {};
    remember("name", phone.name);
    if (asking) asking.abort();
  });
  find("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    sendFrom(find("text"), (text) => ({ do: "write", text }));
  });
  find("attach").addEventListener("click", () => openMenu(find("menu").hidden));
  find("menu").addEventListener("click", (event) => {
    const what = event.target.closest("button")?.dataset.do;
    if (!what) return;
    openMenu(false);
    const input = find("text");
    const text = input.value.trim() || "😍";
    input.value = what === "story_reply" ? "" : input.value;
    act({ do: what, text });
  });
  find("follow").addEventListener("click", () => {
    const follows = find("follow").getAttribute("aria-pressed") === "true";
    act({ do: "follow", follows: String(!follows) });
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".attach")) openMenu(false);
  });
  for (const button of document.querySelectorAll(".tabs button")) {
    button.addEventListener("click", () => show(button.dataset.tab));
  }
  show("thread");
  setInterval(drawQuiet, 500);
  listen();
}

wireUp();


"use strict";
(() => {
  const { cards, thumbs } = JSON.parse(document.getElementById("data").textContent);
  const words = { failed: "failed", decide: "for you to decide", retry: "can be retried", waiting: "waiting", ready: "ready", checked: "accepted" };
  const glyphs = { failed: "✕", decide: "?", retry: "↻", waiting: "…", ready: "✓", checked: "○" };
  const step = 60;
  const $ = (id) => document.getElementById(id);
  const list = $("cards"), more = $("more"), count = $("count");
  const filter = { state: "", provider: "", kind: "", words: "" };
  let found = cards, shown = 0;

  // What a card can be found by, made when it is first looked for.
  const haystack = (card) => card.hay ??= [card.path, card.as, card.id, card.why, card.fix, card.provider,
    ...(card.results ?? []).map((r) => r.name)].join("\n").toLowerCase();

  // An element with a class, and with text or other elements in it. Text is only ever text.
  function make(tag, name, ...inside) {
    const element = document.createElement(tag);
    if (name) element.className = name;
    element.append(...inside.filter((part) => part !== undefined && part !== ""));
    return element;
  }

  function anchor(text, link, web, about) {
    if (!link && !web) return make("span", "", text);
    const a = make("a", "", text);
    a.href = link ?? web;
    if (web) Object.assign(a, { rel: "noopener noreferrer", target: "_blank" });
    if (about) a.append(make("span", "unseen", " " + about));
    return a;
  }

  function figure(caption, alt, thumb, blank, name) {
    const element = make("figure", name);
    if (thumb === undefined) {
      const sign = make("span", "blank", blank);
      sign.ariaHidden = "true";
      element.append(sign);
    } else {
      const img = document.createElement("img");
      Object.assign(img, { alt, src: thumbs[thumb], decoding: "async" });
      element.append(img);
    }
    element.append(make("figcaption", "", caption));
    return element;
  }

  function pictures(card) {
    const results = card.results ?? [];
    const best = results.find((r) => r.thumb !== undefined) ?? results[0];
    const last = best ? figure(best.name, `${best.name} of ${card.name}, by ${card.provider}`, best.thumb,
      best.lost ? "✕" : /^video/.test(best.type ?? "") ? "▶" : "◇") : figure(card.state === "ready" ? "no picture" : "no result", "", undefined, glyphs[card.state], "missing");
    return make("div", "pair", figure("photo", `photo ${card.name}`, card.thumb, "◇"), last);
  }

  function links(card) {
    const ul = make("ul", "links");
    for (const r of card.results ?? []) ul.append(make("li", "", anchor(r.name, r.link, r.web, "of " + card.name)));
    return ul.children.length ? ul : "";
  }

  function build(card) {
    const sign = make("span", "", glyphs[card.state]);
    sign.ariaHidden = "true";
    const facts = [card.provider, card.as && card.as !== card.name.replace(/\.[^.]*$/, "") ? `“${card.as}”` : "",
      card.paid ?? "", card.reused ? "reused, not paid again" : "", card.took ?? ""].filter(Boolean).join(" · ");
    const lost = (card.results ?? []).filter((r) => r.lost && r.lost !== card.why).map((r) => make("p", "minor", `${r.name}: ${r.lost}`));
    return make("li", "card " + card.state, pictures(card), make("div", "",
      make("h3", "", anchor(make("bdi", "", card.name), card.link, card.web)),
      make("p", "state", sign, " " + words[card.state]),
      card.why ? make("p", "why", card.why) : "", card.fix ? make("p", "minor", card.fix) : "", ...lost,
      make("p", "minor", facts), card.id ? make("p", "minor", "id " + card.id) : "", links(card)));
  }

  function show() {
    const part = document.createDocumentFragment();
    const first = shown;
    for (const card of found.slice(shown, shown + step)) part.append(build(card));
    list.append(part);
    shown = Math.min(shown + step, found.length);
    more.hidden = shown >= found.length;
    more.textContent = `Show ${Math.min(step, found.length - shown)} more`;
    return list.children[first];
  }

  function apply() {
    const parts = filter.words.toLowerCase().split(/\s+/).filter(Boolean);
    found = cards.filter((card) => (!filter.state || card.state === filter.state)
      && (!filter.provider || card.provider === filter.provider)
      && (filter.kind === "" || card.kind === filter.kind)
      && parts.every((part) => haystack(card).includes(part)));
    list.replaceChildren();
    shown = 0;
    show();
    count.textContent = found.length === cards.length ? `${cards.length} records` : `${found.length} of ${cards.length} records`;
    for (const tile of document.querySelectorAll("[data-state]")) tile.ariaPressed = String(tile.dataset.state === filter.state && filter.kind === "");
    $("state").value = filter.state;
    $("provider").value = filter.provider;
    $("all").hidden = found.length === cards.length;
  }

  function toPhotos() {
    $("photos").focus({ preventScroll: true });
    $("photos").scrollIntoView();
  }

  async function copy(button) {
    const code = button.previousElementSibling, text = code.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      getSelection().selectAllChildren(code);
      document.execCommand("copy");
    }
    button.firstChild.data = "Copied";
    setTimeout(() => { button.firstChild.data = "Copy"; }, 2000);
    count.textContent = "Copied the command.";
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.state) {
      filter.state = filter.state === button.dataset.state && filter.kind === "" ? "" : button.dataset.state;
      filter.kind = "";
      apply();
    } else if (button.dataset.kind) {
      Object.assign(filter, { state: "", provider: "", words: "", kind: Number(button.dataset.kind) });
      $("words").value = "";
      apply();
      toPhotos();
    } else if (button === more) {
      const first = show();
      first.tabIndex = -1;
      first.focus();
    } else if (button.dataset.copy !== undefined) copy(button);
  });
  let timer;
  $("words").addEventListener("input", (event) => {
    clearTimeout(timer);
    timer = setTimeout(() => { filter.words = event.target.value; apply(); }, 120);
  });
  for (const id of ["state", "provider"]) $(id).addEventListener("change", (event) => {
    filter[id] = event.target.value;
    filter.kind = "";
    apply();
  });
  const form = document.querySelector(".filters");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => {
    Object.assign(filter, { state: "", provider: "", kind: "", words: "" });
    apply();
    $("words").focus();
  }));
  new IntersectionObserver((seen) => { if (seen[0].isIntersecting && !more.hidden && shown) show(); }, { rootMargin: "600px" }).observe(more);
  apply();
})();

"use strict";
(() => {
  let data = JSON.parse(document.getElementById("data").textContent);
  const form = document.getElementById("filters");
  const signs = {passed: "✓", failed: "✗", errored: "!", unknown: "?", skipped: "–", stopped: "■", running: "…", waiting: "·"};

  // All text is inserted as text: nothing of the data is parsed as HTML.
  const el = (name, props, ...children) => {
    const e = Object.assign(document.createElement(name), props);
    e.append(...children);
    return e;
  };
  const took = ms => ms < 1000 ? ms + " ms" : (ms / 1000).toFixed(ms < 10000 ? 2 : 1) + " s";
  const phone = r => data.phones[r.phone].label;
  const what = r => {
    for (const a of (r.attempts || []).slice().reverse()) {
      if (a.status === r.status && a.problems) return data.texts[a.problems[0].text];
    }
    return r.reason || "";
  };

  const copy = text => {
    const button = el("button", {type: "button"}, "Copy");
    button.setAttribute("aria-label", "Copy the command line");
    const said = s => { button.textContent = s; setTimeout(() => { button.textContent = "Copy"; }, 1500); };
    button.addEventListener("click", () => {
      const pre = button.previousElementSibling;
      const select = () => { getSelection().selectAllChildren(pre); said("Selected"); };
      if (!navigator.clipboard) select();
      else navigator.clipboard.writeText(text).then(() => said("Copied"), select);
    });
    return el("div", {className: "command"}, el("pre", {}, text), button);
  };

  const timeline = a => {
    const list = el("ol", {className: "evidence"});
    for (const [step, ms, seen, source, screen] of a.evidence) {
      const from = [data.texts[source], data.texts[screen]].filter(Boolean).join(", ");
      list.append(el("li", {}, el("span", {className: "at"}, took(ms)), (step ? "step " + step + ": " : "") + data.texts[seen] + " ",
        el("span", {className: "source"}, from)));
    }
    return list;
  };

  const files = (a, name) => {
    const pictures = el("div", {className: "pictures"}), links = el("p", {});
    for (const f of a.files) {
      const href = f.name ? a.dir + f.name : f.href;
      const link = href ? el("a", {href}, f.kind) : f.kind;
      if (f.picture) {
        pictures.append(el("figure", {}, el("img", {src: data.pictures[f.picture - 1], alt: f.kind + " of " + name, loading: "lazy"}), el("figcaption", {}, link)));
      } else {
        links.append(link, " ");
      }
    }
    return [pictures, links];
  };

  const attempt = (r, a, n, of) => {
    const all = [];
    const name = data.cases[r.case].name + " on " + data.phones[a.phone].label;
    all.push(el("h3", {}, el("span", {className: a.status}, signs[a.status] + " " + a.status), (of > 1 ? ", attempt " + n : "") + " on " + data.phones[a.phone].label +
      ", " + took(a.ms) + ", from " + a.at + " UTC" + (a.exit ? ", exit " + a.exit : "") + (a.sent ? ", sent" : "")));
    if (a.problems) {
      all.push(el("ul", {className: "problems"}, ...a.problems.map(p => el("li", {}, data.texts[p.text], data.texts[p.hint] ? el("span", {className: "hint"}, "hint: " + data.texts[p.hint]) : ""))));
    } else if (a.reason) {
      all.push(el("p", {}, a.reason));
    }
    for (const s of a.steps || []) {
      all.push(el("p", {}, el("span", {className: s.status}, signs[s.status] + " "), s.do + ", " + took(s.ms) + (s.message ? ": " + s.message : "")));
    }
    if (a.evidence) all.push(el("h3", {}, "What was seen"), timeline(a));
    if (a.files) all.push(...files(a, name));
    if (a.commands) all.push(el("h3", {}, "What was run"), ...a.commands.map(c => copy(data.texts[c])));
    if (a.outcome) all.push(el("details", {}, el("summary", {}, "The answer as JSON"), el("pre", {}, JSON.stringify(a.outcome, null, 2))));
    return all;
  };

  const fill = r => {
    const body = el("div", {className: "body"});
    const attempts = r.attempts || [];
    // The last attempt is the important one.
    for (let i = attempts.length - 1; i >= 0; i--) body.append(...attempt(r, attempts[i], i + 1, attempts.length));
    if (attempts.length === 0 && r.reason) body.append(el("p", {}, r.reason));
    body.append(el("h3", {}, "Run this case again"), copy(data.texts[r.repeat[0]] + data.texts[r.repeat[1]]));
    return body;
  };

  const order = ["failed", "errored", "unknown", "stopped", "running", "skipped", "passed", "waiting"];
  const rank = r => 2 * order.indexOf(r.status) - (r.flaky ? 1 : 0);
  const list = document.getElementById("results"), grid = document.getElementById("grid");
  let sorted = [], heads = [], rows = [], boxes = new Map();

  const box = r => {
    const c = data.cases[r.case], said = what(r);
    const b = el("details", {}, el("summary", {}, el("span", {className: r.flaky ? "flaky" : r.status}, signs[r.status] + " " + r.status + (r.flaky ? ", flaky" : "")),
      " " + c.name + " ", el("span", {className: "tag"}, phone(r) + ", " + took(r.ms)), said && r.status !== "passed" ? el("span", {className: "what"}, said) : ""));
    b.addEventListener("toggle", () => { if (b.open && !b.querySelector(".body")) b.append(fill(b.result)); });
    return b;
  };

  const show = r => {
    r.box.open = true;
    r.box.scrollIntoView({block: "start"});
    r.box.querySelector("summary").focus();
  };

  // choices are those of a select, of which one may be chosen already.
  const choices = (select, all) => {
    const value = select.value;
    select.replaceChildren(select.options[0], ...all.map(([v, text]) => el("option", {value: v}, text)));
    select.value = value;
  };

  // draw shows the data. A result that is as it was keeps its place in the page,
  // open or not.
  const draw = () => {
    sorted = data.results.map((r, i) => [r, i]).sort((a, b) => rank(a[0]) - rank(b[0]) || a[1] - b[1]).map(x => x[0]);
    const now = new Map();
    for (const r of sorted) {
      const c = data.cases[r.case], key = [c.suite, c.name, phone(r)].join("\n"), as = JSON.stringify(r), was = boxes.get(key);
      r.box = was && was.as === as ? was : box(r);
      const open = was && was.open;
      Object.assign(r.box, {as, result: r});
      now.set(key, r.box);
      if (open) r.box.open = true;
    }
    boxes = now;
    list.replaceChildren(...sorted.map(r => r.box));

    const head = el("tr", {}, el("th", {scope: "col"}, "Case"));
    heads = data.phones.map(p => el("th", {scope: "col"}, p.label, el("br"), el("span", {className: "tag"}, [p.platform, p.os].filter(Boolean).join(" "))));
    head.append(...heads);
    const suites = new Set(data.cases.map(c => c.suite)).size;
    rows = data.cases.map(c => {
      const name = el("th", {scope: "row"}, c.name, el("br"));
      if (suites > 1) name.append(el("span", {className: "tag"}, c.suite));
      for (const t of c.tags || []) name.append(el("span", {className: "tag"}, "#" + t));
      const cells = data.phones.map(() => el("td", {}));
      return {row: el("tr", {}, name, ...cells), cells};
    });
    for (const r of data.results) {
      r.cell = el("button", {type: "button", className: r.flaky ? "flaky" : r.status}, signs[r.status] + " " + (r.flaky ? "flaky" : r.status));
      r.cell.setAttribute("aria-label", data.cases[r.case].name + " on " + phone(r) + ": " + r.status + (r.flaky ? ", flaky" : ""));
      r.cell.addEventListener("click", () => show(r));
      rows[r.case].cells[r.phone].append(r.cell);
    }
    grid.replaceChildren(el("thead", {}, head), el("tbody", {}, ...rows.map(x => x.row)));

    choices(form.elements.phone, data.phones.map((p, i) => [String(i), p.label]));
    choices(form.elements.tag, [...new Set(data.cases.flatMap(c => c.tags || []))].sort().map(t => [t, t]));
    for (const b of form.querySelectorAll("input[type=checkbox]")) {
      const n = data.results.filter(b.name === "flaky" ? r => r.flaky : r => r.status === b.value).length;
      b.parentElement.querySelector(".n").textContent = n;
      b.parentElement.hidden = n === 0;
    }
    filter();
  };

  const filter = () => {
    const f = form.elements;
    const statuses = new Set([...form.querySelectorAll("input[name=status]:checked")].map(x => x.value));
    const name = f.name.value.toLowerCase();
    let n = 0;
    const rowsShown = new Set(), phonesShown = new Set();
    for (const r of data.results) {
      const c = data.cases[r.case];
      const fits = statuses.has(r.status) && (!f.flaky.checked || r.flaky) && (f.phone.value === "" || String(r.phone) === f.phone.value) &&
        (f.tag.value === "" || (c.tags || []).includes(f.tag.value)) && c.name.toLowerCase().includes(name);
      r.box.hidden = r.cell.hidden = !fits;
      if (fits) { n++; rowsShown.add(r.case); phonesShown.add(r.phone); }
    }
    rows.forEach((x, i) => {
      x.row.hidden = !rowsShown.has(i);
      x.cells.forEach((cell, j) => { cell.hidden = !phonesShown.has(j); });
    });
    heads.forEach((h, j) => { h.hidden = !phonesShown.has(j); });
    document.getElementById("shown").textContent = n === data.results.length ? n + " results" : n + " of " + data.results.length + " results";
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", e => e.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  draw();
  if (sorted.length && !["passed", "skipped", "running", "waiting"].includes(sorted[0].status)) sorted[0].box.open = true;

  // The page of a current run gets updates.
  if (data.live) {
    const note = document.getElementById("live"), source = new EventSource("events");
    const say = text => { note.hidden = false; note.textContent = text; };
    say("The run goes on; this page follows it.");
    source.onmessage = e => {
      data = JSON.parse(e.data);
      document.getElementById("totals").textContent = data.live.totals;
      document.title = document.querySelector("h1").textContent + ": " + data.live.totals;
      draw();
      if (data.live.ended) {
        source.close();
        say("The run has ended. Its pictures and files are in the run folder.");
      }
    };
    source.onerror = () => say("wxctl does not answer: the run has ended, or was killed.");
    source.onopen = () => say("The run goes on; this page follows it.");
  }
})();

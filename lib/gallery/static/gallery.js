// What makes a gallery quicker to use; every page says all that it has to say without it.
"use strict";

(() => {
  const page = document.documentElement;
  const root = page.dataset.root;

  // ---- keys: left and right to the neighbours, up to what a page belongs to -------------------------------------
  const ways = { ArrowLeft: "prev", ArrowRight: "next", ArrowUp: "up" };
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !typing(event.target) && plain(event)) {
      const box = document.querySelector("#search input");
      if (box) { event.preventDefault(); box.focus(); }
      return;
    }
    const way = ways[event.key];
    // a page that is longer than the window is scrolled by the arrow up, until its top is reached
    if (!way || !plain(event) || typing(event.target) || (way === "up" && window.scrollY > 0)) return;
    const link = document.querySelector(`main a[rel~="${way}"]`);
    if (link) { event.preventDefault(); location.href = link.href; }
  });
  function plain(event) { return !(event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented); }
  function typing(element) { return Boolean(element.closest("input, select, textarea, [contenteditable], [role=listbox]")); }

  // ---- search over all units ------------------------------------------------------------------------------------
  const place = document.getElementById("search");
  const MOST = 12;
  if (place) searchBox(place);

  function searchBox(place) {
    const input = document.createElement("input");
    Object.assign(input, { type: "search", placeholder: "Find a unit: Conv2D_3/56", autocomplete: "off", spellcheck: false });
    set(input, { role: "combobox", "aria-label": "Find a unit", "aria-expanded": "false", "aria-controls": "found", "aria-autocomplete": "list" });
    const list = document.createElement("ul");
    set(list, { id: "found", role: "listbox", "aria-label": "Units found" });
    list.hidden = true;
    const said = document.createElement("div");
    set(said, { role: "status", class: "nothing" });
    said.hidden = true;
    place.append(input, list, said);
    let chosen = -1;

    input.addEventListener("focus", load, { once: true });
    input.addEventListener("input", () => { load(); show(); });
    input.addEventListener("blur", () => setTimeout(close, 150));
    document.addEventListener("units", show);
    input.addEventListener("keydown", (event) => {
      const options = [...list.children];
      if (event.key === "Escape") { input.value = ""; close(); }
      else if (event.key === "Enter" && options.length) { event.preventDefault(); location.href = options[Math.max(chosen, 0)].dataset.href; }
      else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && options.length) {
        event.preventDefault();
        choose((chosen + (event.key === "ArrowDown" ? 1 : -1) + options.length) % options.length);
      }
    });

    function show() {
      const words = input.value.trim().toLowerCase().split(/[\s/]+/).filter(Boolean);
      const all = window.dreamsweepUnits;
      if (!words.length || !all) return close();
      const found = matches(all, words);
      list.replaceChildren(...found.map((hit, at) => {
        const option = document.createElement("li");
        set(option, { role: "option", id: `found-${at}`, "aria-selected": "false" });
        option.dataset.href = root + hit.address;
        const name = document.createElement("span"), where = document.createElement("span");
        name.textContent = hit.name;
        where.textContent = hit.where;
        where.className = "faint";
        option.append(name, where);
        option.addEventListener("mousedown", (event) => { event.preventDefault(); location.href = option.dataset.href; });
        return option;
      }));
      list.hidden = !found.length;
      said.hidden = Boolean(found.length);
      said.textContent = found.length ? "" : "no unit of this name";
      input.setAttribute("aria-expanded", String(Boolean(found.length)));
      choose(found.length ? 0 : -1);
    }
    function choose(at) {
      [...list.children].forEach((option, number) => option.setAttribute("aria-selected", String(number === at)));
      chosen = at;
      if (at >= 0) { input.setAttribute("aria-activedescendant", `found-${at}`); list.children[at].scrollIntoView({ block: "nearest" }); }
      else input.removeAttribute("aria-activedescendant");
    }
    function close() { list.hidden = true; said.hidden = true; chosen = -1; input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); }
  }

  // A file that is opened from a disk may fetch nothing, but it may load a script.
  function load() {
    if (document.getElementById("units")) return;
    const script = document.createElement("script");
    script.id = "units";
    script.src = `${root}static/units.js`;
    script.addEventListener("load", () => document.dispatchEvent(new Event("units")));
    document.head.append(script);
  }

  // Networks are [title, segment, layers], layers are [name, segment, units]; units are how many there are, or a list.
  function matches(networks, words) {
    const number = /^\d+$/.test(words[words.length - 1]) ? Number(words[words.length - 1]) : null;
    const names = number === null ? words : words.slice(0, -1);
    const found = [];
    for (const [title, folder, layers] of networks) {
      const here = page.dataset.network === folder ? 0 : 1;
      for (const [layer, segment, units] of layers) {
        const distance = fit(names, `${layer}`.toLowerCase(), title.toLowerCase());
        const asName = number === null ? null : fit(words, `${layer}`.toLowerCase(), title.toLowerCase());
        const address = `${folder}/${segment}`;
        if (number !== null && distance !== null && (Array.isArray(units) ? units.includes(number) : number < units)) {
          found.push({ name: `${layer}/${number}`, where: title, address: `${address}/${number}/index.html`, rank: [distance, here, 0] });
        }
        const whole = number === null ? distance : asName;
        if (whole !== null) found.push({ name: layer, where: title, address: `${address}/index.html`, rank: [whole, here, 1] });
      }
    }
    found.sort((a, b) => a.rank[0] - b.rank[0] || a.rank[1] - b.rank[1] || a.rank[2] - b.rank[2]);
    return found.slice(0, MOST);
  }
  // How far words are from a layer and its network: null where one fits neither.
  function fit(words, layer, title) {
    let sum = 0;
    for (const word of words) {
      const one = layer === word ? 0 : layer.includes(word) ? 1 : title.includes(word) ? 2 : inOrder(word, layer) ? 3 : null;
      if (one === null) return null;
      sum += one;
    }
    return sum;
  }
  function inOrder(word, text) {
    let at = 0;
    for (const letter of word) { at = text.indexOf(letter, at) + 1; if (!at) return false; }
    return true;
  }
  function set(element, attributes) { for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value); }

  // ---- the grid of a layer: filter and sort ---------------------------------------------------------------------
  const form = document.querySelector("form.controls");
  const grid = document.querySelector("ul.cells[data-sorted]");
  if (form && grid) {
    const cells = [...grid.children];
    const status = form.querySelector("[role=status]");
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", arrange);
    form.addEventListener("reset", () => setTimeout(arrange));
    arrange(); // a browser keeps what was chosen when a page is loaded again

    function arrange() {
      const asked = Object.fromEntries(new FormData(form));
      const least = parseFloat(asked.least), most = parseFloat(asked.most);
      const from = parseFloat(asked["measure-least"]), to = parseFloat(asked["measure-most"]);
      let seen = 0;
      for (const cell of cells) {
        const { verdict, response, ratio } = cell.dataset;
        const share = cell.dataset[asked.measure] || ""; // pages have percent
        const fits = (!asked.verdict || verdict === asked.verdict)
          && (!asked.data || cell.dataset.onData === asked.data)
          && (!asked.class || cell.dataset.class === asked.class)
          && (Number.isNaN(least) || (response !== "" && Number(response) >= least))
          && (Number.isNaN(most) || (ratio !== "" && Number(ratio) <= most))
          && (Number.isNaN(from) || (share !== "" && 100 * share >= from))
          && (Number.isNaN(to) || (share !== "" && 100 * share <= to));
        cell.hidden = !fits;
        seen += fits;
      }
      const sort = asked.sort || "number", by = sort.replace(/-up$/, "");
      const way = by !== sort || ["number", "class", "verdict"].includes(by) ? 1 : -1;
      grid.append(...cells.slice().sort((a, b) => compare(a.dataset[by] || "", b.dataset[by] || "", way) || a.dataset.number - b.dataset.number));
      if (status) status.textContent = seen === cells.length ? `all ${cells.length}` : `${seen} of ${cells.length}`;
    }
    // what is not known comes last, whichever way
    function compare(a, b, way) {
      if (a === b) return 0;
      if (a === "" || b === "") return a === "" ? 1 : -1;
      const numbers = Number(a) - Number(b);
      return way * (Number.isNaN(numbers) ? (a < b ? -1 : 1) : numbers);
    }
  }
})();

// What is wrong with the screen as it stands, in words: run in the page, with the texts that its language must not show.
(foreign) => {
  const LAYERS = "dialog[open], .menu, .popup, .fusion-looks, .curve-panel, .cine-bar, .marks-panel, .selection-bar, .filters-folded[data-open=true], .import, .notice-words, .badge, .step-pad, [data-alone=true] .top-bar, [data-alone=true] .toolbar-place";
  const CONTROLS = "button, a[href], input:not([type=hidden]), select, textarea, [role=button], [role=menuitem], summary";
  const BOXES = `${CONTROLS}, .badge, .chip, .priority, .modality, .fresh, label, th, td`;
  const CUT_ON_PURPOSE = ".patient-title, .series-title, .pane-name, .corner, .cell-accession > .named, option, .saved-search, [data-cut]";
  const DATA = "kbd, .report-page, [data-testid=pdf-page], .marks-label, .marks-heading, [data-testid^=colour-]"; // keys, what an object says, names of colour maps
  const TOLERANCE = 1.5;
  const complaints = new Set();
  const modal = document.querySelector("dialog[open], [aria-modal=true]");
  const within = modal ?? document.body;

  const named = (element) => {
    const name = element.closest("[data-testid]")?.dataset.testid ?? "";
    return `${name ? `${name} ` : ""}<${element.tagName.toLowerCase()} ${element.className?.baseVal ?? element.className ?? ""}>`;
  };
  const panes = [...document.querySelectorAll(".pane")];
  const above = panes.filter((pane) => getComputedStyle(pane).zIndex !== "auto");
  const hiddenByClip = (element) => {
    for (let at = element; at; at = at.parentElement) if (getComputedStyle(at).clipPath === "inset(50%)") return true;
    return false;
  };
  /** One viewport alone lies over the others. */
  const beneathPane = (element) => above.length > 0 && panes.some((pane) => !above.includes(pane) && pane.contains(element));
  const shown = (element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !element.closest("[hidden]") && !hiddenByClip(element) && !beneathPane(element);
  const overlap = (a, b) => [Math.min(a.right, b.right) - Math.max(a.left, b.left), Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)];
  const hits = (a, b) => overlap(a, b).every((length) => length > TOLERANCE);

  /** The part of a rectangle that can be seen or scrolled to, and what cuts it. */
  function cutter(element, box) {
    let [scrollsAcross, scrollsAlong] = [false, false]; // in this direction what is cut off is scrolled to
    for (let at = element; at && at !== document.documentElement; at = at.parentElement) {
      const style = getComputedStyle(at);
      const frame = at.getBoundingClientRect();
      const [across, along] = [style.overflowX, style.overflowY];
      scrollsAcross ||= /auto|scroll/.test(across) && at.scrollWidth > at.clientWidth + 1;
      scrollsAlong ||= /auto|scroll/.test(along) && at.scrollHeight > at.clientHeight + 1;
      if (!scrollsAcross && (across === "hidden" || across === "clip"))
        if (box.left < frame.left - TOLERANCE || box.right > frame.right + TOLERANCE) return at;
      if (!scrollsAlong && (along === "hidden" || along === "clip"))
        if (box.top < frame.top - TOLERANCE || box.bottom > frame.bottom + TOLERANCE) return at;
      if (style.position === "fixed") break;
    }
    const outside = (before, after, end) => before < -TOLERANCE || after > end + TOLERANCE;
    const [across, along] = [!scrollsAcross && outside(box.left, box.right, innerWidth), !scrollsAlong && outside(box.top, box.bottom, innerHeight)];
    return across || along ? document.body : undefined;
  }

  if (document.documentElement.scrollWidth > innerWidth) complaints.add(`the page is ${document.documentElement.scrollWidth} px wide on ${innerWidth}`);
  // what is read from top to bottom is not read from side to side as well (1.4.10)
  for (const scrolled of innerWidth > 860 ? [] : document.querySelectorAll("dialog, .menu, .popup, .import-body, .devices-main, .rows-scroll, .worklist-main, .panel, .gate, .report-page, .marks-panel, .display-words, .display-main, .export-series, .timeline, [data-testid=device-panel], .study-screen"))
    if (shown(scrolled) && scrolled.scrollWidth > scrolled.clientWidth + 1) complaints.add(`scrolls sideways: ${named(scrolled)} ${scrolled.scrollWidth} px on ${scrolled.clientWidth}`);
  if (document.documentElement.lang !== foreign.language) complaints.add(`the page says it is ${document.documentElement.lang}`);

  // ---- texts: whole, inside their boxes, not over each other, in the language of the screen
  const texts = [];
  const walker = document.createTreeWalker(within, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const words = node.data.trim();
    const element = node.parentElement;
    if (words === "" || !shown(element) || element.closest("option, script, style, noscript, canvas")) continue;
    if (getComputedStyle(element).color === "rgba(0, 0, 0, 0)") continue; // words over the drawing of a page, to be selected and heard
    if (element.ownerSVGElement && element.getBoundingClientRect().width === 0) continue; // what a container query hides has ranges in Chromium
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()].filter(({ width, height }) => width > 0.5 && height > 0.5);
    for (const { 0: word, index } of node.data.matchAll(/(?<!\S)\p{L}{4,14}(?=[\s,.:;)]|$)/gu)) {
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      const tops = new Set([...range.getClientRects()].map(({ top }) => Math.round(top / 4)));
      if (tops.size > 1) complaints.add(`broken within "${word}" in ${named(element)}`);
    }
    if (foreign.texts.includes(words) && !element.closest(DATA)) complaints.add(`not in ${foreign.language}: ${words} in ${named(element)}`);
    for (const box of boxes) {
      const by = cutter(element, box);
      if (by && !element.closest(CUT_ON_PURPOSE)) complaints.add(`cut off: "${words}" in ${named(element)} by ${named(by)}`);
      const holder = element.closest(BOXES);
      if (holder) {
        const frame = holder.getBoundingClientRect();
        const inline = getComputedStyle(holder).display === "inline";
        if (!inline && (box.left < frame.left - TOLERANCE || box.right > frame.right + TOLERANCE || box.top < frame.top - 3 || box.bottom > frame.bottom + 3) && !element.closest(CUT_ON_PURPOSE))
          complaints.add(`sticks out of its box: "${words}" in ${named(holder)}`);
      }
      if (!by) texts.push({ element, words, box, layer: element.closest(LAYERS) });
    }
    const needed = Math.max(0, ...boxes.map(({ width }) => width));
    if ((element.scrollWidth > element.clientWidth + 1 || needed > element.getBoundingClientRect().width + 0.4) && getComputedStyle(element).textOverflow === "ellipsis" && !element.closest(CUT_ON_PURPOSE))
      complaints.add(`shortened: "${words}" in ${named(element)}`);
  }
  for (const element of within.querySelectorAll("[aria-label], [title], [placeholder]"))
    for (const name of ["aria-label", "title", "placeholder"])
      if (shown(element) && foreign.texts.includes(element.getAttribute(name))) complaints.add(`not in ${foreign.language}: ${name} ${element.getAttribute(name)}`);

  // ---- what has no text: icons and dots inside the screen, choices and typed values inside their fields
  for (const element of within.querySelectorAll("svg.icon, .live-dot, .quality-dot")) {
    if (!shown(element)) continue;
    const box = element.getBoundingClientRect();
    const by = cutter(element, box);
    if (by) complaints.add(`cut off: ${named(element)} of ${named(element.parentElement)} by ${named(by)}`);
  }
  const pen = document.createElement("canvas").getContext("2d");
  for (const field of within.querySelectorAll("select, input:not([type=range]):not([type=checkbox]):not([type=radio]):not([type=password]):not([type=file])")) {
    if (!shown(field)) continue;
    const style = getComputedStyle(field);
    [pen.font, pen.letterSpacing, pen.wordSpacing] = [style.font, style.letterSpacing === "normal" ? "0px" : style.letterSpacing, style.wordSpacing];
    const words = field.matches("select") ? (field.selectedOptions[0]?.text ?? "") : field.value || field.placeholder;
    const arrow = field.matches("select") ? 18 : 0;
    const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - arrow;
    if (pen.measureText(words).width > room + 1 && !field.closest("[data-cut]") && style.textOverflow !== "ellipsis") complaints.add(`cut off: "${words}" in ${named(field)}, ${room.toFixed(0)} px`);
  }

  const layers = [...within.querySelectorAll(LAYERS)].filter(shown);
  const covered = (box, layer) => layers.some((one) => one !== layer && !(layer && one.contains(layer)) && !(layer && layer.contains(one) && !one.matches(".popup")) && hits(one.getBoundingClientRect(), box));
  /** What everything that scrolls around an element leaves to be seen of it; undefined where nothing does. */
  const scrollport = (element) => {
    let port;
    for (let at = element.parentElement; at; at = at.parentElement) {
      if (getComputedStyle(at).position === "fixed") break;
      if (!/auto|scroll|hidden/.test(getComputedStyle(at).overflow)) continue;
      const { left, top, right, bottom } = at.getBoundingClientRect();
      port = port
        ? { left: Math.max(port.left, left), top: Math.max(port.top, top), right: Math.min(port.right, right), bottom: Math.min(port.bottom, bottom) }
        : { left, top, right, bottom };
    }
    return port;
  };
  const seen = (element, box) => {
    const port = scrollport(element);
    return !port || hits(port, box);
  };
  /** What of a rectangle is not scrolled out of sight. */
  const inPort = (element, box) => {
    const port = scrollport(element) ?? box;
    return { left: Math.max(port.left, box.left), top: Math.max(port.top, box.top), right: Math.min(port.right, box.right), bottom: Math.min(port.bottom, box.bottom) };
  };
  /** The heading of a group that the next one pushes up beneath the head of the table. */
  const pushedOut = (element) => {
    const heading = element.closest(".row-group-head");
    const head = heading && document.querySelector(".row-head");
    return Boolean(head) && heading.getBoundingClientRect().top < head.getBoundingClientRect().top + parseFloat(getComputedStyle(heading).top) - TOLERANCE;
  };
  const own = texts.filter(({ element, box, layer }) => !covered(box, layer) && seen(element, box)).map((one) => ({ ...one, box: inPort(one.element, one.box) }));
  for (const [index, one] of own.entries())
    for (const other of own.slice(index + 1)) {
      if (one.element === other.element || one.element.contains(other.element) || other.element.contains(one.element)) continue;
      const fixed = (element) => element.closest(".row-head, .row-group-head, .top-bar, .import-head, header");
      if (Boolean(fixed(one.element)) !== Boolean(fixed(other.element))) continue; // what stays in its place covers what scrolls
      if (pushedOut(one.element) || pushedOut(other.element)) continue;
      const [across, along] = overlap(one.box, other.box);
      if (across > 2 && along > 3) complaints.add(`over each other: "${one.words}" ${named(one.element)} and "${other.words}" ${named(other.element)}`);
    }

  for (const { words, box } of own.filter(({ element }) => element.closest(".ruler")))
    for (const control of within.querySelectorAll(CONTROLS))
      // points of a curve lie where their reader put them
      if (shown(control) && !control.closest(`${LAYERS}, .curve-point`) && hits(control.getBoundingClientRect(), box)) complaints.add(`beneath ${named(control)}: "${words}" of the ruler`);

  // ---- what is pressed: large enough, inside the screen, not beneath something else
  for (const control of within.querySelectorAll(CONTROLS)) {
    if (!shown(control) || control.closest("[aria-hidden=true]")) continue;
    const target = control.matches("input[type=checkbox], input[type=radio]") ? (control.closest("label") ?? control) : control;
    const box = target.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    const inSentence = control.matches("a[href]") && getComputedStyle(control).display === "inline";
    if (!inSentence && (box.width < 23.5 || box.height < 23.5)) complaints.add(`too small: ${named(control)} ${box.width.toFixed(0)}x${box.height.toFixed(0)}`);
    const by = cutter(control, box);
    if (by && !control.closest("[data-cut]")) complaints.add(`beyond the edge: ${named(control)} by ${named(by)}`);
    if (control.disabled || covered(box, control.closest(LAYERS)) || !seen(control, box)) continue;
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const top = document.elementFromPoint(x, y);
    if (!top || control.contains(top) || target.contains(top) || top.contains(control)) continue;
    const cover = top.closest(LAYERS);
    if (cover && !cover.contains(control)) continue;
    const port = scrollport(control);
    if (port && (x < port.left || x > port.right || y < port.top || y > port.bottom)) continue;
    if (top.closest(".row-head, .row-group-head")) continue;
    complaints.add(`beneath ${named(top)}: ${named(control)}`);
  }
  return [...complaints];
}

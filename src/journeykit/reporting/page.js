// Tables that sort and filter, and the choice of light or dark. Without this script the page shows all its tables.
const words = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
const root = document.documentElement;

function valueOf(row, place, isNumber) {
  const cell = row.cells[place];
  return isNumber ? (cell.dataset.v === undefined ? null : Number(cell.dataset.v)) : cell.textContent;
}

function compared(one, two, isNumber, sign) {
  // Cells that hold nothing come last, whichever way the others go.
  const isEmpty = (value) => value === null || value === "";
  if (isEmpty(one) || isEmpty(two)) return isEmpty(one) - isEmpty(two);
  return sign * (isNumber ? one - two : words.compare(one, two));
}

function sortBy(table, heading) {
  const isNumber = heading.classList.contains("n");
  const before = heading.getAttribute("aria-sort");
  const down = before ? before === "ascending" : isNumber;
  for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  const place = heading.cellIndex;
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [valueOf(row, place, isNumber), row]);
  rows.sort((one, two) => compared(one[0], two[0], isNumber, down ? -1 : 1));
  body.append(...rows.map(([, row]) => row));
}

function makeSortable(table) {
  for (const heading of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sortBy(table, heading));
    heading.append(button);
  }
}

function makeFilter(table, place) {
  const rows = [...table.tBodies[0].rows].map((row) => [row.textContent.toLowerCase(), row]);
  const box = document.createElement("div");
  const label = document.createElement("label");
  const input = document.createElement("input");
  const status = document.createElement("span");
  box.className = "filter";
  input.type = "search";
  input.id = `${table.id}-filter`;
  label.htmlFor = input.id;
  label.textContent = "Filter rows";
  status.setAttribute("role", "status");
  input.addEventListener("input", () => {
    const asked = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [text, row] of rows) {
      row.hidden = !asked.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    status.textContent = asked.length ? `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows` : "";
  });
  box.append(label, input, status);
  place.before(box);
}

function offerTheme(button) {
  const kinds = ["", "light", "dark"];
  const said = { "": "as the screen", light: "light", dark: "dark" };
  let at = 0;
  button.hidden = false;
  button.addEventListener("click", () => {
    at = (at + 1) % kinds.length;
    if (kinds[at]) root.dataset.theme = kinds[at];
    else delete root.dataset.theme;
    button.textContent = `Colours: ${said[kinds[at]]}`;
  });
}

for (const table of document.querySelectorAll("table[data-sorts]")) {
  makeSortable(table);
  if (table.tBodies[0].rows.length > 5) makeFilter(table, table.parentNode);
}
offerTheme(document.querySelector("button.theme"));

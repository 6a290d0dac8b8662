// Joins and splits regions, with the same cells and numbers as `regions.join` and `regions.split`.

// Numbers regions in descending order of their training rows, and reorders names and colors.
function renumbered({ labels, names, colors }) {
  const hits = names.map(() => 0);
  const isThere = names.map(() => false);
  labels.forEach((region, unit) => {
    hits[region] += data.map.hits[unit];
    isThere[region] = true;
  });
  const order = [...names.keys()].filter((region) => isThere[region]).sort((a, b) => hits[b] - hits[a] || a - b);
  const place = new Map(order.map((region, i) => [region, i]));
  return {
    labels: labels.map((region) => place.get(region)),
    names: order.map((region) => names[region]), colors: order.map((region) => colors[region]),
  };
}

// The joined region has the first name and the first color of its parts, if any.
function joined({ labels, names, colors }, which) {
  const [first] = which;
  const firstOf = (values) => values.map((value, region) =>
    (region === first ? which.map((other) => values[other]).find(Boolean) || "" : value));
  return renumbered({
    labels: labels.map((region) => (which.includes(region) ? first : region)), names: firstOf(names), colors: firstOf(colors),
  });
}

// Cells join in the order of the map, until the region consists of two pieces. Joins and the result
// identify pieces by their lowest cells.
function piecesOf(isInside) {
  const { joins } = data.map;
  const holds = [...isInside]; // whether a piece has cells of the region
  let nPieces = isInside.filter(Boolean).length;
  let nJoins = 0;
  for (const [into, other] of joins) {
    if (holds[into] && holds[other]) {
      if (nPieces === 2) break;
      nPieces -= 1;
    }
    holds[into] ||= holds[other];
    nJoins += 1;
  }
  const piece = isInside.map((_, unit) => unit);
  for (const [into, other] of joins.slice(0, nJoins).reverse()) piece[other] = piece[into];
  return piece;
}

// The largest piece keeps the name and the color. A graph can have more than two pieces, and then the smaller pieces become one region.
function split({ labels, names, colors }, number) {
  const isInside = labels.map((region) => region === number);
  const pieces = piecesOf(isInside);
  const found = new Map(); // in the order of their first cells, inside or outside the region
  pieces.forEach((piece, unit) => {
    const { rows = 0, isPart = false } = found.get(piece) || {};
    found.set(piece, { rows: rows + (isInside[unit] ? data.map.hits[unit] : 0), isPart: isPart || isInside[unit] });
  });
  const [[largest]] = [...found].filter(([, { isPart }]) => isPart).sort(([, a], [, b]) => b.rows - a.rows);
  return renumbered({
    labels: labels.map((region, unit) => (isInside[unit] && pieces[unit] !== largest ? names.length : region)),
    names: [...names, ""], colors: [...colors, ""],
  });
}

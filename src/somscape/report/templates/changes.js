// Regions joined and split: the same cells and the same numbers as by `regions.join` and `split`.

// Numbers regions by their training rows, most first; names and colors go with them.
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

// The joined region has the first name and the first color of those that have one.
function joined({ labels, names, colors }, which) {
  const [first] = which;
  const firstOf = (values) => values.map((value, region) =>
    (region === first ? which.map((other) => values[other]).find(Boolean) || "" : value));
  return renumbered({
    labels: labels.map((region) => (which.includes(region) ? first : region)), names: firstOf(names), colors: firstOf(colors),
  });
}

// Cells join in the order of the map, up to the join that would make the region whole.
function piecesOf(isInside) {
  const root = isInside.map((_, unit) => unit);
  const find = (unit) => {
    while (root[unit] !== unit) unit = root[unit] = root[root[unit]];
    return unit;
  };
  const holds = [...isInside]; // whether a piece has cells of the region
  let nPieces = isInside.filter(Boolean).length;
  for (const pair of data.map.joins) {
    const [a, b] = pair.map(find);
    if (holds[a] && holds[b] && nPieces === 2) break;
    if (holds[a] && holds[b]) nPieces -= 1;
    root[b] = a;
    holds[a] ||= holds[b];
  }
  return root.map((_, unit) => find(unit));
}

// The larger piece keeps name and color.
function split({ labels, names, colors }, number) {
  const isInside = labels.map((region) => region === number);
  const pieces = piecesOf(isInside);
  const found = new Map();
  const { hits } = data.map;
  const hasHits = hits.some(Boolean);
  pieces.forEach((piece, unit) => {
    if (!found.has(piece)) found.set(piece, { piece, rows: 0, all: 0, first: unit, isInside: false });
    const one = found.get(piece);
    one.all += hasHits ? hits[unit] : 1;
    if (isInside[unit]) {
      one.rows += hits[unit];
      one.isInside = true;
    }
  });
  const order = [...found.values()].filter((one) => one.isInside)
    .sort((a, b) => b.rows - a.rows || b.all - a.all || a.first - b.first);
  const place = new Map(order.map(({ piece }, i) => [piece, i ? names.length - 1 + i : number]));
  const none = order.slice(1).map(() => "");
  return renumbered({
    labels: labels.map((region, unit) => (isInside[unit] ? place.get(pieces[unit]) : region)),
    names: [...names, ...none], colors: [...colors, ...none],
  });
}

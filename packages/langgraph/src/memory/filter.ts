/** Values that a filter compares with, by operator. */
const operators: Readonly<Record<string, (item: unknown, wanted: unknown) => boolean>> = {
  $eq: (item, wanted) => item === wanted,
  $ne: (item, wanted) => item !== wanted,
  $gt: (item, wanted) => Number(item) > Number(wanted),
  $gte: (item, wanted) => Number(item) >= Number(wanted),
  $lt: (item, wanted) => Number(item) < Number(wanted),
  $lte: (item, wanted) => Number(item) <= Number(wanted),
  $in: (item, wanted) => Array.isArray(wanted) && wanted.includes(item),
  $nin: (item, wanted) => !Array.isArray(wanted) || !wanted.includes(item),
};

/** True if the members of a value fit a filter, as LangGraph's stores compare them. */
export function fitsFilter(value: unknown, filter: Readonly<Record<string, unknown>>): boolean {
  const members = typeof value === "object" && value !== null ? new Map(Object.entries(value)) : new Map();
  return Object.entries(filter).every(([name, wanted]) => fits(members.get(name), wanted));
}

function fits(item: unknown, wanted: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null) return item === wanted;
  const conditions = Object.entries(wanted);
  if (!conditions.every(([name]) => Object.hasOwn(operators, name)))
    return JSON.stringify(item) === JSON.stringify(wanted);
  return conditions.every(([name, value]) => operators[name]?.(item, value) === true);
}

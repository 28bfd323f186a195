/** States of elements by the number of their bit, as AT-SPI 2 numbers them; some tell clients nothing. */
const names: readonly (string | undefined)[] = [
  ...[undefined, "active", "armed", "busy", "checked", "collapsed", undefined, "editable", "enabled"],
  ...["expandable", "expanded", "focusable", "focused", undefined, "horizontal", "iconified", "modal"],
  ...["multi-line", "multiselectable", "opaque", "pressed", "resizable", "selectable", "selected"],
  ...["sensitive", "showing", "single-line", "stale", undefined, "vertical", "visible", undefined],
  ...["indeterminate", "required", undefined, "animated", "invalid", undefined, undefined],
  ...["default", "visited", "checkable", "has-popup", "read-only"],
];

/** Names of the states in a bit set of 32-bit words. */
export function stateNames(words: readonly number[]): string[] {
  return names.filter((name, bit): name is string => {
    const word = words[bit >> 5] ?? 0;
    return name !== undefined && (word & (1 << (bit & 31))) !== 0;
  });
}

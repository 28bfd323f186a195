/** Keysyms by the names that browsers give to keys (`KeyboardEvent.key`) and to their places (`code`). */
const named: Readonly<Record<string, number>> = {
  Backspace: 0xff08,
  Tab: 0xff09,
  Enter: 0xff0d,
  Pause: 0xff13,
  ScrollLock: 0xff14,
  Escape: 0xff1b,
  Home: 0xff50,
  ArrowLeft: 0xff51,
  ArrowUp: 0xff52,
  ArrowRight: 0xff53,
  ArrowDown: 0xff54,
  PageUp: 0xff55,
  PageDown: 0xff56,
  End: 0xff57,
  PrintScreen: 0xff61,
  Insert: 0xff63,
  ContextMenu: 0xff67,
  NumLock: 0xff7f,
  Shift: 0xffe1,
  ShiftLeft: 0xffe1,
  ShiftRight: 0xffe2,
  Control: 0xffe3,
  ControlLeft: 0xffe3,
  ControlRight: 0xffe4,
  CapsLock: 0xffe5,
  Alt: 0xffe9,
  AltLeft: 0xffe9,
  AltRight: 0xffea,
  AltGraph: 0xfe03,
  Meta: 0xffeb,
  MetaLeft: 0xffeb,
  MetaRight: 0xffec,
  Delete: 0xffff,
  Space: 0x20,
};

const firstFunctionKey = 0xffbe;
/** Keysyms of characters outside of Latin-1 are their code points plus this. */
const unicode = 0x0100_0000;

/** The keysym of a key; undefined for one that X does not have. Source: appendix A of the X Window System Protocol. */
export function keysymOf(key: string): number | undefined {
  if (Object.hasOwn(named, key)) return named[key];
  const functionKey = Number(/^F([1-9]|1\d|2[0-4])$/.exec(key)?.[1]);
  if (functionKey > 0) return firstFunctionKey + functionKey - 1;
  const [character, another] = key;
  const codePoint = character?.codePointAt(0);
  if (codePoint === undefined || another !== undefined || codePoint < 0x20) return undefined;
  return codePoint <= 0xff ? codePoint : unicode + codePoint;
}

import { invalidAction } from "../errors.ts";
import type { KeyModifiers } from "../types.ts";
import { x11 } from "../x/library.ts";

/** Short names of keys, in lower case, and their X names. */
const aliases: Readonly<Record<string, string>> = {
  ctrl: "Control_L",
  control: "Control_L",
  alt: "Alt_L",
  option: "Alt_L",
  shift: "Shift_L",
  cmd: "Super_L",
  command: "Super_L",
  super: "Super_L",
  meta: "Super_L",
  win: "Super_L",
  enter: "Return",
  return: "Return",
  esc: "Escape",
  escape: "Escape",
  tab: "Tab",
  space: "space",
  backspace: "BackSpace",
  delete: "Delete",
  del: "Delete",
  insert: "Insert",
  home: "Home",
  end: "End",
  pageup: "Prior",
  page_up: "Prior",
  pagedown: "Next",
  page_down: "Next",
  up: "Up",
  down: "Down",
  left: "Left",
  right: "Right",
  arrowup: "Up",
  arrowdown: "Down",
  arrowleft: "Left",
  arrowright: "Right",
  capslock: "Caps_Lock",
  menu: "Menu",
  print: "Print",
};

/** Keysyms of characters outside of Latin-1 are their code points plus this. */
const unicodeKeysyms = 0x0100_0000;

/** The keysym that writes this character. Source: appendix A of the X Window System Protocol. */
export function keysymOfCharacter(character: string): number {
  const codePoint = character.codePointAt(0) ?? 0;
  if (character === "\n" || character === "\r") return keysymOfName("Return") ?? 0;
  if (character === "\t") return keysymOfName("Tab") ?? 0;
  const isLatin1 = (codePoint >= 0x20 && codePoint < 0x7f) || (codePoint >= 0xa0 && codePoint <= 0xff);
  return isLatin1 ? codePoint : unicodeKeysyms + codePoint;
}

/** Whether a keysym is that of a character. */
export function isCharacter(keysym: number): boolean {
  return (keysym >= 0x20 && keysym <= 0xff) || keysym > unicodeKeysyms;
}

/** Characters that keys cannot write: control characters, except line feeds and tabs, and lone surrogates. */
export function isTypeable(character: string): boolean {
  return character === "\n" || character === "\r" || character === "\t" || !/[\p{Cc}\p{Cs}]/u.test(character);
}

function keysymOfName(name: string): number | undefined {
  const found = Object.hasOwn(x11.keySyms, `XK_${name}`) ? x11.keySyms[`XK_${name}`] : undefined;
  return typeof found === "object" ? found.code : found;
}

/**
 * The keysym of one key: a short name ("ctrl"), an X name ("Return", "F5"), a character ("a", "ä") or a code point
 * ("U20AC"). Throws `desktop_invalid_action` for others.
 */
export function keysymOfKey(key: string): number {
  if ([...key].length === 1 && isTypeable(key)) return keysymOfCharacter(key);
  const lower = key.toLowerCase();
  const alias = Object.hasOwn(aliases, lower) ? aliases[lower] : undefined;
  const name = alias ?? (/^f\d{1,2}$/.test(lower) ? lower.toUpperCase() : key);
  const keysym = keysymOfName(name);
  if (keysym !== undefined) return keysym;
  const codePoint = /^U([0-9A-Fa-f]{4,6})$/.exec(key)?.[1];
  if (codePoint !== undefined && Number.parseInt(codePoint, 16) <= 0x10ffff) {
    const character = String.fromCodePoint(Number.parseInt(codePoint, 16));
    if (isTypeable(character)) return keysymOfCharacter(character);
  }
  throw invalidAction(
    `there is no key "${key}": name a character, or a key such as Return, ctrl, Left or F5`,
  );
}

/** Keysyms of a shortcut such as "ctrl+shift+t", in the order in which they are pressed. */
export function keysymsOfShortcut(shortcut: string, modifiers: KeyModifiers): number[] {
  // The plus key itself: "+", or "ctrl++".
  const names = shortcut.endsWith("+")
    ? [...shortcut.slice(0, -1).split("+").filter(Boolean), "+"]
    : shortcut.split("+");
  const held = (["ctrl", "shift", "alt", "cmd"] as const).filter((name) => modifiers[name]);
  return [...held, ...names].map(keysymOfKey);
}

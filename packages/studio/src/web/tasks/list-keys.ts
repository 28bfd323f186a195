import { modKey, useKeys } from "../shared/keys.ts";
import { moveOnBoard } from "./board/board-keys.ts";

/** The keys of the list, in the order in which the help lists them. */
export const listKeys = [
  { key: "j", text: "Next task" },
  { key: "k", text: "Previous task" },
  { key: "Arrows", text: "Move between the cards of the board" },
  { key: "Enter", text: "Open the task" },
  { key: "e", text: "Archive or restore the task" },
  { key: "u", text: "Mark the task as read or unread" },
  { key: "/", text: "Search" },
  { key: `${modKey} K`, text: "Find a task or a command" },
  { key: "?", text: "Show these keys" },
] as const;

const rowLinks = ".task-list .task-row-title";

/** Keys for the list of tasks, which act on the row that has the focus. */
export function useListKeys(onHelp: () => void): void {
  useKeys(({ key }) => press(key, onHelp));
}

/** Returns false for a key that has no meaning here. */
function press(key: string, onHelp: () => void): boolean {
  switch (key) {
    case "j":
      return focusRow(1);
    case "k":
      return focusRow(-1);
    case "e":
      return clickInRow("move");
    case "u":
      return clickInRow("mark");
    case "/":
      document.querySelector<HTMLInputElement>(".list-search")?.focus();
      return true;
    case "?":
      onHelp();
      return true;
    default:
      return moveOnBoard(key);
  }
}

function focusedRow(): Element | null {
  return document.activeElement?.closest("[data-task]") ?? null;
}

/** Focuses the next or the previous row: rows beside the window exist, so that the focus can move out of it. */
function focusRow(step: 1 | -1): boolean {
  if (moveOnBoard(step === 1 ? "ArrowDown" : "ArrowUp")) return true;
  const links = [...document.querySelectorAll<HTMLElement>(rowLinks)].sort(
    (a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top,
  );
  const row = focusedRow();
  const at = links.findIndex((link) => row?.contains(link) === true);
  const next = at < 0 ? links[0] : links[at + step];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
  return true;
}

/** Presses a button of the focused row. A row that goes hands the focus to its neighbour. */
function clickInRow(action: "move" | "mark"): boolean {
  const button = focusedRow()?.querySelector<HTMLButtonElement>(`[data-action="${action}"]`);
  if (button === null || button === undefined || button.disabled) return false;
  if (action === "move") {
    const before = document.activeElement;
    focusRow(1);
    if (document.activeElement === before) focusRow(-1);
  }
  button.click();
  return true;
}

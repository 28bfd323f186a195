/** Moves the focus between the cards of the board. Returns false for other keys, and without a board. */
export function moveOnBoard(key: string): boolean {
  const board = document.querySelector(".board");
  if (board === null || !key.startsWith("Arrow")) return false;
  const card = document.activeElement?.closest<HTMLElement>(".board [data-task]") ?? null;
  const next = card === null ? board.querySelector<HTMLElement>("[data-task]") : nextCard(board, card, key);
  next?.querySelector<HTMLElement>(".task-row-title")?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest", inline: "nearest" });
  return true;
}

function nextCard(board: Element, card: HTMLElement, key: string): HTMLElement | undefined {
  const columns = [...board.querySelectorAll(".board-column")]
    .map(cardsOf)
    .filter((cards) => cards.length > 0);
  const column = columns.findIndex((cards) => cards.includes(card));
  const cards = columns[column] ?? [];
  const row = cards.indexOf(card);
  switch (key) {
    case "ArrowDown":
      return cards[row + 1];
    case "ArrowUp":
      return cards[row - 1];
    case "ArrowRight":
      return nearest(columns[column + 1], card);
    default:
      return nearest(columns[column - 1], card);
  }
}

/** From top to bottom: the order in the document is that in which they were rendered. */
function cardsOf(column: Element): readonly HTMLElement[] {
  return [...column.querySelectorAll<HTMLElement>("[data-task]")].sort(
    (a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top,
  );
}

/** The card at about the same height. */
function nearest(cards: readonly HTMLElement[] | undefined, to: HTMLElement): HTMLElement | undefined {
  const { top } = to.getBoundingClientRect();
  const distance = (card: HTMLElement) => Math.abs(card.getBoundingClientRect().top - top);
  return cards?.reduce((best, card) => (distance(card) < distance(best) ? card : best));
}

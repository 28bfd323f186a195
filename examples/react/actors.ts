/** A shared shopping list. */
import { actor, event, setup } from "holdfast";

export interface Item {
  readonly id: number;
  readonly text: string;
  done: boolean;
}

export const list = actor({
  state: { items: [] as Item[], next: 1 },
  events: { changed: event<Item[]>() },
  actions: {
    items: (c) => c.state.items,
    add: (c, text: string) => {
      c.state.items.push({ id: c.state.next++, text, done: false });
      c.broadcast("changed", c.state.items);
    },
    toggle: (c, id: number) => {
      for (const item of c.state.items) if (item.id === id) item.done = !item.done;
      c.broadcast("changed", c.state.items);
    },
  },
});

export const registry = setup({ use: { list } });

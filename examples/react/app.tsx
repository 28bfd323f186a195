/** Everyone who has the page open sees the same list; a tick is shown before the server has answered. */
import { createHoldfast, useActorState } from "holdfast/react";
import { createRoot } from "react-dom/client";
import type { Item, registry } from "./actors.ts";

const { useActor } = createHoldfast<typeof registry>(location.origin);

function toggled(items: Item[], id: number): Item[] {
  return items.map((item) => (item.id === id ? { ...item, done: !item.done } : item));
}

function ShoppingList() {
  const actor = useActor({ name: "list", key: ["home"] });
  const { state: items = [], mutate } = useActorState(actor, {
    load: (list) => list.items(),
    on: { changed: (_before, now) => now },
  });
  const add = (form: FormData) => mutate((list) => list.add(String(form.get("text"))));
  return (
    <main>
      <h1>Shopping</h1>
      <form action={add}>
        <input name="text" aria-label="What to buy" />
        <button type="submit">Add</button>
      </form>
      <ul>
        {items.map((item) => (
          <li key={item.id}>
            <label>
              <input
                type="checkbox"
                checked={item.done}
                onChange={() =>
                  mutate(
                    (list) => list.toggle(item.id),
                    (all) => toggled(all, item.id),
                  )
                }
              />
              {item.text}
            </label>
          </li>
        ))}
      </ul>
    </main>
  );
}

const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<ShoppingList />);

/** What a subscription has, and what it should have. */
import type { ItemChange, SubscriptionRecord, WantedItem } from "../../billing/payments.ts";
import type { Plan } from "../../billing/plans.ts";

/** The items of a plan for so many members: the plan once, the seats above those included, and what is metered. */
export function itemsOf({ price, seats, seatPrice, usage }: Plan, members: number): readonly WantedItem[] {
  const further = Math.max(0, members - seats);
  return [
    ...(price === undefined ? [] : [{ price, quantity: 1 }]),
    ...(seatPrice === undefined || further === 0 ? [] : [{ price: seatPrice, quantity: further }]),
    ...usage.map((each) => ({ price: each.price })),
  ];
}

/** The changes after which a subscription has these items and no others. None if it has. */
export function changesTo(
  { items }: SubscriptionRecord,
  wanted: readonly WantedItem[],
): readonly ItemChange[] {
  const changes: ItemChange[] = [];
  for (const { price, quantity } of wanted) {
    const present = items.find((item) => item.price === price);
    if (present === undefined) changes.push(quantity === undefined ? { price } : { price, quantity });
    else if (quantity !== undefined && present.quantity !== quantity)
      changes.push({ id: present.id, quantity });
  }
  for (const { id, price } of items)
    if (!wanted.some((each) => each.price === price)) changes.push({ id, isDeleted: true });
  return changes;
}

/** Members that count: somebody has the organization, also before anybody joins. */
export function seatsUsed(members: number | undefined): number {
  return Math.max(1, members ?? 1);
}

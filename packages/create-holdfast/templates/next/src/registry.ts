import { setup } from "holdfast";
import { guestBook } from "./guest-book.ts";

const make = () => setup({ use: { guestBook } });

// Next.js loads this module several times; the data of the actors is opened once.
const shared = globalThis as typeof globalThis & { registry?: ReturnType<typeof make> };
shared.registry ??= make();
export const registry = shared.registry;

/** The actors: accounts, the list of documents of each person, and the documents. */
import { setup } from "holdfast";
import { account } from "./account.ts";
import { desk } from "./desk.ts";
import { document } from "./document.ts";

export const registry = setup({ use: { account, desk, document } });

/** The actors of the product: an account for each name, a person for each account, a chat for each conversation. */
import { setup } from "holdfast";
import { assistant } from "./assistant.ts";
import { person } from "./person.ts";
import { account } from "./sign-in/account.ts";

export const registry = setup({ use: { account, person, assistant }, maxRequestBodySize: 262_144 });

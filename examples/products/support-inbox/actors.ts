/** The actors of the product: the team, a ticket for each conversation, and the inbox that lists all tickets. */
import { setup } from "holdfast";
import { inbox } from "./inbox.ts";
import { team } from "./team.ts";
import { ticket } from "./ticket.ts";

export const registry = setup({ use: { team, ticket, inbox }, maxRequestBodySize: 262_144 });

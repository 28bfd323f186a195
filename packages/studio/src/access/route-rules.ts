/** The rules of every route beside the actors, and of those between nodes. */
import type { Rule } from "./rule.ts";

/**
 * Every route beside the actors, in the order in which they are tried: method and path, with `:name` for one part of
 * the path and `*` for the rest. `UPGRADE` is a WebSocket.
 */
export const routeRules = {
  "POST /auth/exchange": "public",
  "POST /auth/end": "person",
  // Says how people sign in here, and nothing about them.
  "GET /auth/options": "public",
  // better-auth checks the password, or the cookie, itself.
  "POST /people/auth/sign-up/email": "public",
  "POST /people/auth/sign-in/email": "public",
  "POST /people/auth/sign-out": "public",
  "POST /people/auth/change-password": "account",
  // The token of the link is the secret, and a request for a link is answered alike for every address.
  "POST /people/auth/reset-password": "public",
  "POST /people/reset": "public",
  "POST /people/sign-in-link": "public",
  "POST /people/sign-in-token": "public",
  // The answer of the passkey is the secret.
  "POST /people/passkey/options": "public",
  "POST /people/passkey": "public",
  // The provider says whose account it is; the state is bound to the browser that began.
  "GET /people/providers": "public",
  "POST /people/providers/:provider": "public",
  "GET /people/providers/:provider/callback": "public",
  "GET /people/connected": "account",
  "POST /people/providers/:provider/link": "account",
  "DELETE /people/providers/:provider": "account",
  "GET /people/me": "person",
  // For programs of people who have no browser there.
  "GET /people/accounts/:person/tokens": "operator",
  "POST /people/accounts/:person/tokens": "operator",
  "DELETE /people/accounts/:person/tokens/:token": "operator",
  "PATCH /people/me": "account",
  "GET /people/sessions": "account",
  "DELETE /people/sessions/:session": "account",
  "GET /people/passkeys": "account",
  "POST /people/passkeys/options": "account",
  "POST /people/passkeys": "account",
  "PATCH /people/passkeys/:passkey": "account",
  "DELETE /people/passkeys/:passkey": "account",
  "GET /people/tokens": "account",
  "POST /people/tokens": "account",
  "DELETE /people/tokens/:token": "account",
  // The token of the invitation is the secret.
  "GET /people/invitation": "machine",
  "POST /people/accept": "account",
  "GET /people/organizations": "person",
  // Whoever may start work somewhere; the handler checks it.
  "POST /people/organizations": "person",
  // As an organization is created; the handler checks it.
  "POST /people/organizations/import": "person",
  "GET /people/organizations/:organization/export": "owner",
  "GET /people/organizations/:organization": "viewer",
  "PATCH /people/organizations/:organization": "admin",
  "DELETE /people/organizations/:organization": "owner",
  "GET /people/organizations/:organization/members": "viewer",
  "PATCH /people/organizations/:organization/members/:person": "admin",
  "DELETE /people/organizations/:organization/members/:person": "admin",
  "POST /people/organizations/:organization/members/:person/reset": "admin",
  "POST /people/organizations/:organization/leave": "viewer",
  "POST /people/organizations/:organization/transfer": "owner",
  "GET /people/organizations/:organization/invitations": "admin",
  "POST /people/organizations/:organization/invitations": "admin",
  "DELETE /people/organizations/:organization/invitations/:invitation": "admin",
  "POST /people/organizations/:organization/invitations/:invitation/renew": "admin",
  // Files of prompts. One that is not sent yet is shown to whoever uploaded it.
  "POST /organizations/:organization/attachments": "member",
  "GET /organizations/:organization/attachments/:attachment": "viewer",
  "POST /hooks/:group/:hook": "machine",
  "POST /approvals/:hook": "machine",
  "POST /forges/:repository": "machine",
  // Stripe's signature is the secret.
  "POST /billing/webhook": "machine",
  // The token of the notification is the secret. It answers one approval, once, for the person whom it was sent to.
  "POST /notifications/answer": "machine",
  // Its calls are requests of their own, with the same credentials.
  "POST /mcp": "person",
  "UPGRADE /tasks/:task/sandbox/v1/processes/:process/terminal/ws": "member",
  // The input of whoever is no member is ignored.
  "UPGRADE /tasks/:task/sandbox/v1/desktop/stream/signaling": "viewer",
  "GET /tasks/:task/sandbox/v1/*": "viewer",
  "POST /tasks/:task/sandbox/v1/*": "member",
  "PUT /tasks/:task/sandbox/v1/*": "member",
  "PATCH /tasks/:task/sandbox/v1/*": "member",
  "DELETE /tasks/:task/sandbox/v1/*": "member",
  // The files of a step that failed, and what its jail could reach.
  "POST /environments/:environment/terminals": "member",
  "UPGRADE /environments/:environment/sandbox/v1/processes/:process/terminal/ws": "member",
  // A previewed program may change whatever its pages let change.
  "POST /tasks/:task/previews/:port": "member",
  // The web app and the inspector of sandboxes are the same for everyone, and contain no secrets.
  "GET /tasks/:task/sandbox/*": "public",
  "GET /ui/*": "public",
  "GET /*": "public",
} as const satisfies Readonly<Record<string, Rule>>;

export type RouteName = keyof typeof routeRules;

/** Every route between the nodes of a Studio. No port serves them: they are reached over links between nodes alone. */
export const nodeRouteRules = {
  "POST /node/agents": "node",
  "POST /node/sandboxes": "node",
  "POST /node/organization-files": "node",
  "POST /node/repository/:operation": "node",
  "POST /node/environment/:operation": "node",
  "UPGRADE /node/sandbox/:task/v1/processes/:process/terminal/ws": "node",
  "UPGRADE /node/sandbox/:task/v1/desktop/stream/signaling": "node",
  "UPGRADE /node/sandbox/:task/v1/ports/:port/tunnel": "node",
  "UPGRADE /node/failed-step/:environment/v1/processes/:process/terminal/ws": "node",
  "GET /node/sandbox/:task/v1/*": "node",
  "POST /node/sandbox/:task/v1/*": "node",
  "PUT /node/sandbox/:task/v1/*": "node",
  "PATCH /node/sandbox/:task/v1/*": "node",
  "DELETE /node/sandbox/:task/v1/*": "node",
} as const satisfies Readonly<Record<string, "node">>;

export type NodeRouteName = keyof typeof nodeRouteRules;

/** Routes by which a person gives up what they have: nobody wants that of a program that only reads. */
const givingUp: readonly RouteName[] = ["POST /people/organizations/:organization/leave"];

/** True for a route that not every API token may call, although its person may. */
export function givesUp(route: RouteName): boolean {
  return givingUp.includes(route);
}

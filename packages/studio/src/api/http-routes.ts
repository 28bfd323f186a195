/**
 * Bodies of the HTTP routes beside the actors, for the OpenAPI document. Each route of `routeRules` has a row here; its
 * comment is the summary. `answer` is absent for a route without a body in its answer, `type` is that of a body that is
 * no JSON.
 */
import type { Role } from "../access/roles.ts";
import type {
  ApiToken,
  Invitation,
  InvitationOffer,
  Member,
  OrganizationDetails,
  OrganizationSummary,
  PasskeyView,
  Profile,
  SessionView,
  SignInOptions,
  TokenScope,
} from "../contract/people.ts";
import type { AttachmentView } from "../contract/prompts.ts";

interface Credentials {
  readonly email: string;
  readonly password: string;
}

/** A new token, whose text is in this answer only. */
export interface NewApiToken extends ApiToken {
  readonly token: string;
}

export interface ApiTokenInput {
  /** At most 100 characters. */
  readonly name: string;
  readonly scope: TokenScope;
  /** Days until it expires: 1 to 366, by default 90. */
  readonly days?: number;
}

/** An open invitation with its link, which is in this answer only. */
export interface NewInvitation extends Invitation {
  readonly token: string;
}

/** Bodies that are JSON objects of another program, or of no fixed shape. */
export type AnyObject = Readonly<Record<string, unknown>>;

export interface HttpRoutes {
  /** Exchanges the one-time ticket of a link for a login */
  "POST /auth/exchange": { body: { readonly ticket: string }; status: 204 };
  /** Ends the login of the operator */
  "POST /auth/end": { status: 204 };
  /** How people sign in here */
  "GET /auth/options": { answer: SignInOptions };
  /** Signs up with an invitation, whose token is in the header x-holdfast-invitation */
  "POST /people/auth/sign-up/email": { body: Credentials & { readonly name: string }; answer: AnyObject };
  /** Signs in with a password */
  "POST /people/auth/sign-in/email": { body: Credentials; answer: AnyObject };
  /** Signs out */
  "POST /people/auth/sign-out": { answer: AnyObject };
  /** Changes the password */
  "POST /people/auth/change-password": {
    body: {
      readonly currentPassword: string;
      readonly newPassword: string;
      readonly revokeOtherSessions?: boolean;
    };
    answer: AnyObject;
  };
  /** Sets a password with the token of a link */
  "POST /people/auth/reset-password": {
    body: { readonly newPassword: string; readonly token: string };
    answer: AnyObject;
  };
  /** Mails a link to reset a password, if there is such an account */
  "POST /people/reset": { body: { readonly email: string }; status: 202; answer: AnyObject };
  /** Mails a link to sign in, if there is such an account */
  "POST /people/sign-in-link": { body: { readonly email: string }; status: 202; answer: AnyObject };
  /** Signs in with the token of a link */
  "POST /people/sign-in-token": { body: { readonly token: string }; answer: AnyObject };
  /** The question that a passkey signs */
  "POST /people/passkey/options": { answer: AnyObject };
  /** Signs in with a passkey */
  "POST /people/passkey": { body: AnyObject; answer: AnyObject };
  /** One's passkeys */
  "GET /people/passkeys": { answer: { readonly passkeys: readonly PasskeyView[] } };
  /** What a browser needs to make a passkey */
  "POST /people/passkeys/options": { answer: AnyObject };
  /** Adds a passkey */
  "POST /people/passkeys": { body: AnyObject; status: 201; answer: AnyObject };
  /** Renames a passkey */
  "PATCH /people/passkeys/:passkey": { body: { readonly name: string }; status: 204 };
  /** Removes a passkey */
  "DELETE /people/passkeys/:passkey": { status: 204 };
  /** Where people may sign in with accounts that they have elsewhere */
  "GET /people/providers": {
    answer: { readonly providers: readonly { readonly id: string; readonly name: string }[] };
  };
  /** Begins a sign-in elsewhere: the address of the page there, and a cookie for the way back */
  "POST /people/providers/:provider": {
    body: { readonly invitation?: string };
    answer: { readonly url: string };
  };
  /** Comes back from there, and leads to a page */
  "GET /people/providers/:provider/callback": { status: 303 };
  /** The accounts elsewhere that are connected to one's own */
  "GET /people/connected": { answer: { readonly connected: readonly string[] } };
  /** Begins to connect such an account */
  "POST /people/providers/:provider/link": { answer: { readonly url: string } };
  /** Disconnects such an account */
  "DELETE /people/providers/:provider": { status: 204 };
  /** Whoever asks, with their organizations */
  "GET /people/me": { answer: Profile };
  /** The API tokens of an account */
  "GET /people/accounts/:person/tokens": { answer: { readonly tokens: readonly ApiToken[] } };
  /** Creates an API token for an account */
  "POST /people/accounts/:person/tokens": { body: ApiTokenInput; status: 201; answer: NewApiToken };
  /** Revokes an API token of an account */
  "DELETE /people/accounts/:person/tokens/:token": { status: 204 };
  /** Changes one's name */
  "PATCH /people/me": { body: { readonly name: string }; status: 204 };
  /** One's sessions */
  "GET /people/sessions": { answer: { readonly sessions: readonly SessionView[] } };
  /** Ends one of one's sessions */
  "DELETE /people/sessions/:session": { status: 204 };
  /** One's API tokens */
  "GET /people/tokens": { answer: { readonly tokens: readonly ApiToken[] } };
  /** Creates an API token */
  "POST /people/tokens": { body: ApiTokenInput; status: 201; answer: NewApiToken };
  /** Revokes an API token */
  "DELETE /people/tokens/:token": { status: 204 };
  /** What the invitation in the header x-holdfast-invitation offers */
  "GET /people/invitation": { answer: InvitationOffer };
  /** Accepts an invitation */
  "POST /people/accept": { body: { readonly token: string }; answer: AnyObject };
  /** The organizations of whoever asks */
  "GET /people/organizations": { answer: { readonly organizations: readonly OrganizationSummary[] } };
  /** Creates an organization */
  "POST /people/organizations": {
    body: { readonly name: string };
    status: 201;
    answer: OrganizationSummary;
  };
  /** One of the organizations of whoever asks */
  "GET /people/organizations/:organization": { answer: OrganizationDetails };
  /** Renames an organization */
  "PATCH /people/organizations/:organization": { body: { readonly name: string }; status: 204 };
  /** Deletes an organization and all that it has; its name confirms that */
  "DELETE /people/organizations/:organization": { body: { readonly name: string }; status: 204 };
  /** An archive of what an organization has */
  "GET /people/organizations/:organization/export": { answerType: "application/octet-stream" };
  /** Makes an organization of such an archive */
  "POST /people/organizations/import": { type: "application/octet-stream"; status: 201; answer: AnyObject };
  /** The members of an organization */
  "GET /people/organizations/:organization/members": { answer: { readonly members: readonly Member[] } };
  /** Gives a member another role */
  "PATCH /people/organizations/:organization/members/:person": {
    body: { readonly role: Role };
    status: 204;
  };
  /** Removes a member */
  "DELETE /people/organizations/:organization/members/:person": { status: 204 };
  /** Makes a link with which a member resets the password */
  "POST /people/organizations/:organization/members/:person/reset": { answer: AnyObject };
  /** Leaves an organization */
  "POST /people/organizations/:organization/leave": { status: 204 };
  /** Hands an organization over to another member, by the id of the person */
  "POST /people/organizations/:organization/transfer": { body: { readonly to: string }; status: 204 };
  /** The open invitations of an organization */
  "GET /people/organizations/:organization/invitations": {
    answer: { readonly invitations: readonly Invitation[] };
  };
  /** Invites a person */
  "POST /people/organizations/:organization/invitations": {
    body: { readonly role: Role; readonly email?: string | null };
    status: 201;
    answer: NewInvitation;
  };
  /** Withdraws an invitation */
  "DELETE /people/organizations/:organization/invitations/:invitation": { status: 204 };
  /** Makes a new link for an invitation */
  "POST /people/organizations/:organization/invitations/:invitation/renew": { answer: NewInvitation };
  /** Uploads a file of a prompt; its name is in the query */
  "POST /organizations/:organization/attachments": {
    type: "application/octet-stream";
    status: 201;
    answer: AttachmentView;
  };
  /** A file of a prompt */
  "GET /organizations/:organization/attachments/:attachment": { answerType: "application/octet-stream" };
  /** A webhook of a group */
  "POST /hooks/:group/:hook": { body: AnyObject; status: 202 };
  /** A signed answer to a question of the gate */
  "POST /approvals/:hook": { body: AnyObject };
  /** A webhook of a forge */
  "POST /forges/:repository": { body: AnyObject; status: 202 };
  /** A signed webhook of the payment provider */
  "POST /billing/webhook": { body: AnyObject };
  /** Answers an approval from a notification, with its one-time token */
  "POST /notifications/answer": { body: AnyObject; answer: AnyObject };
  /** The Model Context Protocol, over streamable HTTP */
  "POST /mcp": { body: AnyObject; answer: AnyObject };
  /** Opens a terminal in the sandbox of a failed step of an environment; the answer has the id of its process */
  "POST /environments/:environment/terminals": { status: 201; answer: AnyObject };
  /** Opens a preview of a port of a task, on an origin of its own */
  "POST /tasks/:task/previews/:port": { answer: AnyObject };
  /** Reads from the sandbox of a task while its agent runs: the API of a sandbox server */
  "GET /tasks/:task/sandbox/v1/*": { answer: AnyObject };
  /** Calls the sandbox of a task */
  "POST /tasks/:task/sandbox/v1/*": { body: AnyObject; answer: AnyObject };
  /** Writes to the sandbox of a task */
  "PUT /tasks/:task/sandbox/v1/*": { type: "application/octet-stream"; answer: AnyObject };
  /** Changes something in the sandbox of a task */
  "PATCH /tasks/:task/sandbox/v1/*": { body: AnyObject; answer: AnyObject };
  /** Deletes something in the sandbox of a task */
  "DELETE /tasks/:task/sandbox/v1/*": { answer: AnyObject };
}

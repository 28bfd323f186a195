import type { AuditRecordView } from "../../../contract/administration.ts";

/** A record of the audit log, for people. */
export interface RecordWords {
  /** What happened. */
  readonly what: string;
  /** To whom or what, and how. */
  readonly detail: string;
  /** Who did it. */
  readonly who: string;
}

/** Requests by their route. */
const requests: Readonly<Record<string, string>> = {
  "POST /auth/end": "Signed out",
  "POST /people/auth/change-password": "Changed their password",
  "POST /people/providers/:provider/link": "Began to connect an account",
  "DELETE /people/providers/:provider": "Disconnected an account",
  "POST /people/accounts/:person/tokens": "Made an API token for a member",
  "DELETE /people/accounts/:person/tokens/:token": "Deleted an API token of a member",
  "PATCH /people/me": "Changed their name",
  "DELETE /people/sessions/:session": "Ended a session",
  "POST /people/passkeys/options": "Began to add a passkey",
  "POST /people/passkeys": "Added a passkey",
  "PATCH /people/passkeys/:passkey": "Renamed a passkey",
  "DELETE /people/passkeys/:passkey": "Removed a passkey",
  "POST /people/tokens": "Made an API token",
  "DELETE /people/tokens/:token": "Deleted an API token",
  "POST /people/accept": "Accepted an invitation",
  "POST /people/organizations": "Created an organization",
  "POST /people/organizations/import": "Imported an organization",
  "GET /people/organizations/:organization/export": "Exported the organization",
  "PATCH /people/organizations/:organization": "Renamed the organization",
  "DELETE /people/organizations/:organization": "Deleted the organization",
  "PATCH /people/organizations/:organization/members/:person": "Changed the role of a member",
  "DELETE /people/organizations/:organization/members/:person": "Removed a member",
  "POST /people/organizations/:organization/members/:person/reset": "Made a link for a new password",
  "POST /people/organizations/:organization/leave": "Left the organization",
  "POST /people/organizations/:organization/transfer": "Handed the organization over",
  "POST /people/organizations/:organization/invitations": "Invited a person",
  "DELETE /people/organizations/:organization/invitations/:invitation": "Withdrew an invitation",
  "POST /people/organizations/:organization/invitations/:invitation/renew": "Made an invitation's link anew",
  "POST /organizations/:organization/attachments": "Uploaded a file",
  "POST /mcp": "Called the MCP server",
  "UPGRADE /tasks/:task/sandbox/v1/processes/:process/terminal/ws": "Opened a terminal",
  "UPGRADE /tasks/:task/sandbox/v1/desktop/stream/signaling": "Opened the desktop",
  "POST /tasks/:task/sandbox/v1/*": "Called the sandbox of a task",
  "PUT /tasks/:task/sandbox/v1/*": "Wrote to the sandbox of a task",
  "PATCH /tasks/:task/sandbox/v1/*": "Changed something in the sandbox of a task",
  "DELETE /tasks/:task/sandbox/v1/*": "Deleted something in the sandbox of a task",
  "POST /tasks/:task/previews/:port": "Opened a preview",
  "POST /environments/:environment/terminals": "Asked for a terminal in a failed step",
  "UPGRADE /environments/:environment/sandbox/v1/processes/:process/terminal/ws":
    "Opened a terminal in a failed step",
};

const ways: Readonly<Record<string, string>> = {
  password: "with a password",
  link: "with a link",
  passkey: "with a passkey",
  github: "with GitHub",
  oidc: "with the company's provider",
};

/** The fields that say most, in this order. */
const telling = [
  "email",
  "plugin",
  "decision",
  "tool",
  "rule",
  "secret",
  "branch",
  "method",
  "host",
  "path",
  "reason",
  "rest",
];

export function wordsOf({ type, data = {} }: Pick<AuditRecordView, "type" | "data">): RecordWords {
  const text = (name: string): string => {
    const value = data[name];
    return typeof value === "string" ? value : "";
  };
  const who = text("name") || text("person") || text("by");
  const detail = telling.map(text).filter(Boolean).slice(0, 4).join(" · ").slice(0, 200);
  switch (type) {
    case "person.signed_in":
      return { what: "Signed in", detail: ways[text("via")] ?? text("via"), who };
    case "person.sign_in_refused":
      return { what: "Sign-in refused", detail, who };
    case "person.action":
      return { what: wordsOfAction(text("action")), detail, who };
    case "person.request":
      return { what: requests[text("route")] ?? text("route"), detail, who };
    default:
      return { what: sentence(type.replaceAll(/[._]/g, " ")), detail, who };
  }
}

/** "organization.createTask" is "Create task", and "task.stop" "Task: stop". */
function wordsOfAction(action: string): string {
  const [actor = "", name = ""] = action.split(".", 2);
  const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return actor === "organization" ? sentence(words) : `${sentence(actor)}: ${words}`;
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

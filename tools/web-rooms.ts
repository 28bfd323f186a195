/** The rooms of the Studio's web app, and what each may import of the others. */
import { dirname, join, normalize } from "node:path";

/** Rooms are the folders directly below. */
const app = "packages/studio/src/web";

/** What every room may import. It imports no room. */
const sharedRoom = "shared";

/** Files through which a room is entered, by the rooms that may do so. Files next to the rooms may import anything. */
const frontDoors: Readonly<Record<string, readonly string[]>> = {
  app: [
    "billing/routes.tsx",
    "billing/search.ts",
    "access/access-page.tsx",
    "access/sign-in-page.tsx",
    "design/routes.tsx",
    "environment/routes.tsx",
    "inbox/routes.tsx",
    "inbox/search.ts",
    "inspector/routes.tsx",
    "notifications/routes.tsx",
    "organizations/routes.tsx",
    "repositories/routes.tsx",
    "palette/palette.tsx",
    "people/no-organization.tsx",
    "people/routes.tsx",
    "schedules/routes.tsx",
    "settings/audit-search.ts",
    "settings/routes.tsx",
    "system/routes.tsx",
    "task/routes.tsx",
    "task/task-tab.ts",
    "tasks/tasks-screen.tsx",
    "usage/routes.tsx",
    "usage/search.ts",
    "workspace/previews/routes.tsx",
  ],
  inbox: [
    "task/approvals/approval-batch.ts",
    "task/approvals/approval-card.tsx",
    "task/fork-secrets.tsx",
    "task/task.css",
    "task/transcript/transcript.css",
    "task/transcript/message.tsx",
  ],
  task: ["review/changes.tsx", "workspace/workspace.tsx"],
  tasks: ["environment/environment-note.tsx"],
};

/** Imports from one room into another other than through its front door. `imports`: file to specifiers. */
export function webRoomProblems(imports: ReadonlyMap<string, readonly string[]>): string[] {
  const problems: string[] = [];
  for (const [file, specifiers] of imports) {
    const room = roomOf(file);
    if (room === undefined) continue;
    for (const specifier of specifiers) {
      if (!specifier.startsWith(".")) continue;
      const target = normalize(join(dirname(file), specifier));
      const targetRoom = roomOf(target);
      if (targetRoom === undefined || targetRoom === room || targetRoom === sharedRoom) continue;
      if (frontDoors[room]?.includes(target.slice(app.length + 1)) === true) continue;
      problems.push(
        `${file}: "${specifier}" is in the room "${targetRoom}"; what both need belongs in "${sharedRoom}", and a front door is listed in tools/web-rooms.ts`,
      );
    }
  }
  return problems;
}

/** The room of a file of the app; undefined for a file next to the rooms, and elsewhere. */
function roomOf(path: string): string | undefined {
  if (!path.startsWith(`${app}/`)) return undefined;
  const [room, ...rest] = path.slice(app.length + 1).split("/");
  return rest.length === 0 ? undefined : room;
}

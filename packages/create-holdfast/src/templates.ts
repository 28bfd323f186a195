/** The port of actors, and of pages and routes that are served beside them. */
const actorPort = 6420;

/** The templates, in the order in which people are asked. */
export const templates = [
  { name: "chat", title: "Chat", hint: "an agent with streams, approvals, tools and memory (Vercel AI SDK)" },
  { name: "realtime", title: "Realtime app", hint: "React and Vite; pages change together" },
  { name: "next", title: "Next.js", hint: "a Next.js app with a live page" },
  { name: "api", title: "API", hint: "HTTP routes with Hono" },
  { name: "agents", title: "Coding agents", hint: "agents in jails, as a backend" },
  { name: "empty", title: "Empty", hint: "one actor and its test" },
] as const;

export type TemplateName = (typeof templates)[number]["name"];

/** The ports on which a project listens in its image: Next.js serves pages itself, and live connections go to the actors. */
export function portsOf(template: TemplateName): readonly number[] {
  return template === "next" ? [3000, actorPort] : [actorPort];
}

export function isTemplate(name: string): name is TemplateName {
  return templates.some((template) => template.name === name);
}

/** The two people of the demo team. The passwords are public: the team is served to this machine only. */
export const people = [
  {
    ...{ login: "ada", name: "Ada Lovelace", email: "ada@harbor.example", role: "owner" },
    password: "tides wait for nobody",
  },
  {
    ...{ login: "grace", name: "Grace Hopper", email: "grace@harbor.example", role: "member" },
    password: "a ship in port is safe",
  },
] as const;

/** Prompts that begin a task which ends with a merged pull request. */
export const suggestions = [
  { repository: "harbor/tides", prompt: "Show durations of a day and more in days." },
  { repository: "harbor/lighthouse", prompt: "Flash digits too." },
] as const;

/** How git writes a person. */
export function gitAuthor(login: string): string {
  const person = people.find((each) => each.login === login) ?? people[0];
  return `${person.name} <${person.email}>`;
}

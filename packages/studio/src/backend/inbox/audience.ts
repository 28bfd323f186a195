import { maxPeople, type TaskState } from "../task-state.ts";

/** Who gets the news of a task. Nobody in particular for one that an event of a group has started. */
export function peopleOf({ people = [], watchers = [], muted = [] }: TaskState): readonly string[] {
  if (people.length === 0) return [];
  return [...new Set([...people, ...watchers])].filter((person) => !muted.includes(person));
}

/** Begins or ends to tell a person the news of a task. */
export function setWatching(state: TaskState, person: string, isWatching: boolean): void {
  const without = (list: readonly string[] = []) => list.filter((each) => each !== person);
  const [watchers, muted] = [without(state.watchers), without(state.muted)];
  if (isWatching) watchers.push(person);
  else muted.push(person);
  state.watchers = watchers.slice(-maxPeople);
  state.muted = muted.slice(-maxPeople);
}

/** Notes people who are told of one prompt. */
export function addMentioned(state: TaskState, people: readonly string[]): void {
  state.mentioned = [...new Set([...(state.mentioned ?? []), ...people])].slice(-maxPeople);
}

/** Who may have entries of a task. Nobody in particular for one that an event of a group has started. */
export function everToldOf({
  people = [],
  watchers = [],
  muted = [],
  mentioned = [],
}: TaskState): readonly string[] {
  return people.length === 0 ? [] : [...new Set([...people, ...watchers, ...muted, ...mentioned])];
}

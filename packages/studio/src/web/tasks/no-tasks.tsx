import { Empty } from "@holdfast/web-parts";
import { isNarrowed, type TaskSearch } from "../shared/task-list/task-filter.ts";

/** Why there is nothing to show, and what to do. */
export function NoTasks({ search, onClear }: { readonly search: TaskSearch; readonly onClear: () => void }) {
  if (isNarrowed(search)) {
    return (
      <Empty title="No task matches">
        <button type="button" className="button" onClick={onClear}>
          Show all tasks
        </button>
      </Empty>
    );
  }
  if (search.archived === true)
    return <Empty title="Nothing is archived">Archive a task in the list when you are done with it.</Empty>;
  return (
    <Empty title="No tasks yet">
      Choose a repository and an agent, and describe the task. The sample repository and the demo agent work
      without an API key or an account.
    </Empty>
  );
}

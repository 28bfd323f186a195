import { monitorEventLoopDelay } from "node:perf_hooks";
import { writeMetric } from "./prometheus.ts";

/** Of this process: CPU, memory, and how late its event loop is. Begins to look at the first reading. */
export class ProcessMetrics {
  #delay: ReturnType<typeof monitorEventLoopDelay> | undefined;

  lines(): string[] {
    if (this.#delay === undefined) {
      this.#delay = monitorEventLoopDelay({ resolution: 10 });
      this.#delay.enable();
    }
    const delay = this.#delay;
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
    const lines = [
      ...one("process_cpu_user_seconds_total", "counter", "CPU time of user code", user / 1e6),
      ...one("process_cpu_system_seconds_total", "counter", "CPU time of the system", system / 1e6),
      ...one("process_resident_memory_bytes", "gauge", "Resident memory", rss),
      ...one("nodejs_heap_size_used_bytes", "gauge", "Heap in use", heapUsed),
      ...one("nodejs_heap_size_total_bytes", "gauge", "Heap", heapTotal),
      ...one("nodejs_external_memory_bytes", "gauge", "Memory outside of the heap", external),
      ...one("process_uptime_seconds", "gauge", "Since the start of the process", process.uptime()),
      ...one(
        "nodejs_eventloop_lag_p50_seconds",
        "gauge",
        "Delay of the event loop",
        delay.percentile(50) / 1e9,
      ),
      ...one(
        "nodejs_eventloop_lag_p99_seconds",
        "gauge",
        "Delay of the event loop",
        delay.percentile(99) / 1e9,
      ),
      ...one("nodejs_eventloop_lag_max_seconds", "gauge", "Delay since the last reading", delay.max / 1e9),
    ];
    delay.reset();
    return lines;
  }

  close(): void {
    this.#delay?.disable();
    this.#delay = undefined;
  }
}

function one(name: string, type: "counter" | "gauge", help: string, value: number): string[] {
  return writeMetric(name, type, help, [{ labels: {}, value }]);
}

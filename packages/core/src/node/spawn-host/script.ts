/**
 * Perl program of a spawn host. Perl is in the base system of every Debian. Forking this program copies a
 * seventh of what forking the server copies, and does not block the server's event loop.
 *
 * Descriptor 3 is a socket to the server. A frame is a length (32 bits, network order) and a body, in both
 * directions. The server's bodies consist of fields separated by NUL, which no argument can contain:
 *
 * - `env`, alternating names and values: the environment of all later commands;
 * - `run`, id, bytes to capture of each stream, directory, 1 to create the group, group or empty, number of
 *   further groups, these groups, number of words of the command, these words, number of variables to
 *   unset, their names, alternating names and values of the variables to set;
 * - `cut`, id: closes the pipes of a command that has exited.
 *
 * The host's bodies start with a letter and the id. Numbers are big-endian:
 *
 * - `R` (id is the version): the host is ready;
 * - `S`, pid: the command was forked;
 * - `F`, errno, letter of the step: the command could not be started (p: pipe, g: group, f: fork,
 *   c: directory, x: program);
 * - `X`, status, remains: the command has exited, and its pipes are still open;
 * - `D`, status, remains, truncated, length of stdout, stdout, stderr: the command has exited, and its pipes
 *   are closed.
 *
 * `status` is that of wait(2). `remains` is 0 if the group was empty and has been removed. `truncated` has
 * bit 1 for stdout and bit 2 for stderr. Exits are reported by pidfds (Linux 5.3), so that nothing polls.
 * When the server's end of the socket closes, the host kills all commands.
 *
 * After a fork, the first write to each page is a page fault in both processes. These faults took a third of
 * the time of a start, and they grow with everything that the host has loaded. So the program loads no module
 * but strict, and gets the system's numbers as arguments (numbers.ts). Each turn prepares all of
 * its starts, forks them with as little work in between as possible, and then does the rest. A child does
 * only what its parent cannot do for it.
 */
export const spawnHostScript = String.raw`
use strict;

# The server knows the numbers that differ between architectures: its names of them for perl are modules,
# and what those load is copied in every fork.
my ($sys_close, $sys_dup3, $sys_setsid, $eagain, $eintr, $sigchld, $nonblock, $read_write, $directory_flags) =
  map { $_ + 0 } @ARGV;
# The same numbers on every architecture.
my ($pidfd_open, $clone3) = (434, 435);
my ($set_descriptor_flags, $set_status_flags, $close_on_exec, $no_hang) = (2, 4, 1, 1);
my $into_group = 0x200000000;
my $chunk = 65_536;
my $starts_in_a_turn = 8;

$0 = 'holdfast-spawn-host';
# A program gets the default back by exec, which it would not from IGNORE.
$SIG{PIPE} = sub { };
# What the server itself was left by its parent is not for commands.
opendir(my $opened, '/proc/self/fd') or exit 1;
my @inherited = grep { /^\d+$/ && $_ > 3 } readdir $opened;
closedir $opened;
close_descriptor($_) for @inherited;
open(my $channel, '+<&=', 3) or exit 1;
fcntl($channel, $set_descriptor_flags, $close_on_exec);
fcntl($channel, $set_status_flags, $read_write | $nonblock);
# What its own descriptors 1 and 2 are while no command is born with others.
open(my $nothing, '>', '/dev/null') or exit 1;
open(my $complaints, '>&', 2) or exit 1;
# A child whose exec failed tells why through this pipe before it exits with 127; exec closes it.
pipe(my $failures, my $failing) or exit 1;
fcntl($failures, $set_status_flags, $nonblock);

my ($input, $output, $reading, $bytes) = ('', '', '', '');
my (%commands, %watched, %failed);
my $probe = syscall($pidfd_open, $$ + 0, 0);
exit 1 if $probe < 0;
close_descriptor($probe);
vec($reading, 3, 1) = 1;
answer(pack('aN', 'R', 1));
flush_output();

while (1) {
  my $readable = $reading;
  my $writable = '';
  vec($writable, 3, 1) = 1 if length $output;
  my $count = select($readable, $writable, undef, has_frame() ? 0 : undef);
  next if $count < 0;
  receive() if vec($readable, 3, 1);
  take_frames();
  for my $descriptor (grep { vec($readable, $_, 1) } keys %watched) {
    my ($command, $stream) = @{ $watched{$descriptor} || next };
    defined $stream ? drain($command, $stream, 1) : reap($command);
    settle($command);
  }
  flush_output();
}

sub close_descriptor { syscall($sys_close, $_[0] + 0) }

sub is_only_late { $! == $eagain || $! == $eintr }

sub has_frame { length $input >= 4 && length $input >= 4 + unpack('N', $input) }

sub answer { $output .= pack('N/a*', $_[0]) }

sub flush_output {
  while (length $output) {
    my $written = syswrite($channel, $output);
    return if !$written;
    substr($output, 0, $written, '');
  }
}

sub receive {
  my $read = sysread($channel, $input, 4 * $chunk, length $input);
  return if $read || (!defined $read && is_only_late());
  # The server is gone, and with it the sense of what it had started.
  for my $command (values %commands) {
    spill("$command->{group}/cgroup.kill", '1') if length $command->{group};
    kill 'KILL', -$command->{pid} if !defined $command->{status};
  }
  exit 0;
}

sub take_frames {
  my @commands;
  for (1 .. $starts_in_a_turn) {
    last if !has_frame();
    my $length = unpack('N', $input);
    my ($verb, @fields) = split /\0/, substr($input, 4, $length), -1;
    substr($input, 0, 4 + $length, '');
    if ($verb eq 'run') { push @commands, prepared(@fields) }
    elsif ($verb eq 'env') { %ENV = @fields }
    elsif (my $command = $commands{ $fields[0] }) {
      close_stream($command, $_) for 0, 1;
      settle($command);
    }
  }
  return if !@commands;
  start($_) for @commands;
  syscall($sys_dup3, fileno $nothing, 1, 0);
  syscall($sys_dup3, fileno $complaints, 2, 0);
  chdir '/';
  follow($_) for @commands;
}

# All that can be done for a command before it is forked; nothing, after an answer, where that fails.
sub prepared {
  my ($id, $keep, $directory, $make, $group, $count, @rest) = @_;
  my @enter = splice @rest, 0, $count;
  my @words = splice @rest, 0, shift @rest;
  my @without = splice @rest, 0, shift @rest;
  my $command = {
    id => $id, keep => $keep, make => $make, group => $group, kept => ['', ''], truncated => 0,
    directory => $directory, words => \@words, without => \@without, variables => \@rest,
  };
  if ($make && !mkdir($group, 0755)) { fail($id, $!, 'g'); return }
  my ($out, $out_end, $err, $err_end);
  pipe($out, $out_end) && pipe($err, $err_end) or return refused($command, 'p');
  $command->{streams} = [$out, $err];
  $command->{ends} = [$out_end, $err_end];
  # A process moves by itself, alone and while it has one thread, without the system stopping others
  # (tasks, of version 1); version 2 is for where its members cannot be born in it.
  my @entries = map { "$_/tasks" } @enter;
  if (length $group) {
    $command->{clone} = clone_arguments($command, $group);
    push @entries, "$group/cgroup.procs" if !defined $command->{clone};
  }
  for my $entry (@entries) {
    open(my $handle, '>', $entry) or return refused($command, 'g');
    push @{ $command->{entries} }, $handle;
  }
  return $command;
}

sub refused {
  my ($command, $step) = @_;
  my $error = $! + 0;
  rmdir $command->{group} if $command->{make};
  fail($command->{id}, $error, $step);
  return;
}

# For a fork whose child is in the group from the beginning; undefined where the system cannot do that. To
# enter a group later moves a process, for which the system stops all others that fork or exit.
sub clone_arguments {
  my ($command, $group) = @_;
  sysopen(my $handle, $group, $directory_flags) or return undef;
  $command->{place} = $handle;
  # struct clone_args of clone3(2): its first field is the flags, the fifth the signal of its end, the last
  # the group; the others are for what is not asked for.
  return eval { pack('Q11', $into_group, (0) x 3, $sigchld, (0) x 5, fileno $handle) };
}

# Forks. What the child inherits is put in its place before, where it is not written to a second time.
sub start {
  my ($command) = @_;
  my $step = 'c';
  if (chdir $command->{directory}) {
    $step = 'f';
    syscall($sys_dup3, fileno $command->{ends}[0], 1, 0);
    syscall($sys_dup3, fileno $command->{ends}[1], 2, 0);
    my $pid = defined $command->{clone} ? syscall($clone3, $command->{clone}, length $command->{clone}) : -1;
    $pid = fork_beside($command) if $pid < 0;
    become($command) if defined $pid && $pid == 0;
    return $command->{pid} = $pid if defined $pid;
  }
  $command->{failure} = [$! + 0, $step];
}

# Where there is no clone3: the child enters the group of version 2 by itself.
sub fork_beside {
  my ($command) = @_;
  if (defined $command->{clone}) {
    open(my $handle, '>', "$command->{group}/cgroup.procs") or return undef;
    push @{ $command->{entries} }, $handle;
  }
  return fork;
}

# What the child does between fork and exec; it never returns. Its input is the host's, which is empty.
sub become {
  my ($command) = @_;
  my $step = 'g';
  syscall($sys_setsid);
  ATTEMPT: {
    for my $entry (@{ $command->{entries} }) { syswrite($entry, '0') or last ATTEMPT }
    $step = 'x';
    delete $ENV{$_} for @{ $command->{without} };
    my $variables = $command->{variables};
    for (my $at = 0; $at < @$variables; $at += 2) { $ENV{ $variables->[$at] } = $variables->[$at + 1] }
    exec { $command->{words}[0] } @{ $command->{words} };
  }
  syswrite($failing, pack('NNa', $command->{id}, $! + 0, $step));
  exit 127;
}

# Watches a command that was forked, or tells why it was not.
sub follow {
  my ($command) = @_;
  my ($id, $pid) = @$command{qw(id pid)};
  delete @$command{qw(ends entries place clone directory words without variables)};
  my $pidfd = defined $pid ? syscall($pidfd_open, $pid + 0, 0) : -1;
  if ($pidfd < 0) {
    my ($error, $step) = defined $pid ? ($! + 0, 'f') : @{ $command->{failure} };
    if (defined $pid) { kill 'KILL', -$pid, $pid; waitpid $pid, 0 }
    rmdir $command->{group} if $command->{make};
    return fail($id, $error, $step);
  }
  $command->{pidfd} = $pidfd;
  $commands{$id} = $command;
  watch($pidfd, [$command]);
  for my $stream (0, 1) {
    fcntl($command->{streams}[$stream], $set_status_flags, $nonblock);
    watch(fileno $command->{streams}[$stream], [$command, $stream]);
  }
  answer(pack('aNN', 'S', $id, $pid));
}

sub fail { answer(pack('aNNa', 'F', $_[0], $_[1] + 0, $_[2])) }

sub spill {
  my ($file, $text) = @_;
  open(my $handle, '>', $file) or return 0;
  my $written = syswrite($handle, $text);
  my $error = $! + 0;
  close $handle;
  $! = $error;
  return $written;
}

sub watch {
  my ($descriptor, $what) = @_;
  $watched{$descriptor} = $what;
  vec($reading, $descriptor, 1) = 1;
}

sub unwatch {
  delete $watched{ $_[0] };
  vec($reading, $_[0], 1) = 0;
}

# Reads up to so many chunks; what is over the bytes to keep is dropped, so that the writer goes on.
sub drain {
  my ($command, $stream, $most) = @_;
  for (1 .. $most) {
    my $handle = $command->{streams}[$stream] or return;
    my $read = sysread($handle, $bytes, $chunk);
    return if !defined $read && is_only_late();
    return close_stream($command, $stream) if !$read;
    my $room = $command->{keep} - length $command->{kept}[$stream];
    $command->{truncated} |= 1 << $stream if $read > $room;
    $command->{kept}[$stream] .= substr($bytes, 0, $room) if $room > 0;
  }
}

sub close_stream {
  my ($command, $stream) = @_;
  my $handle = $command->{streams}[$stream] or return;
  unwatch(fileno $handle);
  close $handle;
  $command->{streams}[$stream] = undef;
}

sub reap {
  my ($command) = @_;
  return if waitpid($command->{pid}, $no_hang) != $command->{pid};
  $command->{status} = $?;
  unwatch($command->{pidfd});
  close_descriptor($command->{pidfd});
  read_failures() if $command->{status} == 127 << 8;
  # As much as a pipe holds, twice over: the last words of the leader are among it.
  drain($command, $_, 4) for 0, 1;
  $command->{remains} = $command->{make} && rmdir($command->{group}) ? 0 : 1;
}

sub read_failures {
  while (my $read = sysread($failures, my $bytes, 9 * 4_096)) {
    while (length $bytes >= 9) {
      my ($id, $error, $step) = unpack('NNa', substr($bytes, 0, 9, ''));
      $failed{$id} = [$error, $step];
    }
  }
}

# Tells of the end of a command, as far as it has come.
sub settle {
  my ($command) = @_;
  my $id = $command->{id};
  return if !defined $command->{status} || !$commands{$id};
  if (my $failure = delete $failed{$id}) {
    close_stream($command, $_) for 0, 1;
    delete $commands{$id};
    return fail($id, @$failure);
  }
  my ($status, $remains) = ($command->{status}, $command->{remains});
  if ($command->{streams}[0] || $command->{streams}[1]) {
    return if $command->{told}++;
    return answer(pack('aNNC', 'X', $id, $status, $remains));
  }
  delete $commands{$id};
  my ($out, $err) = @{ $command->{kept} };
  answer(pack('aNNCCN', 'D', $id, $status, $remains, $command->{truncated}, length $out) . $out . $err);
}
`;

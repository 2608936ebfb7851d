-- The first schema. Tokens: {id} row id given by the database, {int} 64-bit integer, {text}, {bytes}, {strict}.
-- Times are UTC milliseconds, booleans 0/1, JSON is text that nobody filters by.

-- Installation -------------------------------------------------------------------------------------------------------

create table installation (
  key {text} primary key,
  value {text} not null
) {strict};

create table workspace (
  id {id},
  name {text} not null,
  zone {text} not null,
  language {text} not null,
  country {text} not null,
  -- JSON: close tolerance, automatic closing (spec CP-20, CORE-2)
  settings {text} not null default '{}',
  status {text} not null default 'active',
  simulated {int} not null default 0,
  next_number {int} not null default 1,
  version {int} not null default 1,
  created_at {int} not null
) {strict};

-- Accounts -----------------------------------------------------------------------------------------------------------

create table account (
  id {id},
  email {text} not null,
  -- lower-case, trimmed: what uniqueness is judged by
  email_key {text} not null unique,
  name {text} not null,
  password_hash {text},
  -- somebody else typed the password: it is changed before anything else
  must_change_password {int} not null default 0,
  language {text},
  zone {text},
  version {int} not null default 1,
  created_at {int} not null
) {strict};

-- A member of a workspace: the user of the panel and, with the right to reply, the agent of routing.
create table agent (
  id {id},
  workspace {int} not null references workspace(id),
  account {int} references account(id),
  role {text} not null,
  name {text} not null,
  public_name {text} not null default '',
  phone {text},
  photo {text},
  status {text} not null default 'active',
  limit_override {int},
  -- JSON array of channel account ids, null = all
  channels {text},
  -- JSON array of skill ids
  skills {text} not null default '[]',
  -- share of the work, and place, under the strategies that ask for them
  weight {int} not null default 1,
  rank {int} not null default 0,
  signature {text} not null default '',
  settings {text} not null default '{}',
  version {int} not null default 1,
  created_at {int} not null,
  deleted_at {int}
) {strict};
create unique index agent_account on agent(workspace, account) where account is not null;
create index agent_of_account on agent(account) where account is not null;

create table session (
  id {id},
  account {int} not null references account(id),
  workspace {int},
  token_hash {text} not null unique,
  remember {int} not null default 0,
  user_agent {text} not null default '',
  ip {text} not null default '',
  created_at {int} not null,
  last_used_at {int} not null,
  expires_at {int} not null
) {strict};
create index session_of_account on session(account);

create table known_device (
  account {int} not null references account(id),
  token_hash {text} not null,
  last_used_at {int} not null,
  primary key (account, token_hash)
) {strict};

-- A browser that can be reached by push while no page of ours is open in it. It goes with the session it signed in with.
create table push_device (
  id {id},
  workspace {int} not null references workspace(id),
  agent {int} not null references agent(id),
  session {int} not null references session(id) on delete cascade,
  endpoint {text} not null unique,
  -- the keys of the browser, as it gave them
  p256dh {text} not null,
  auth {text} not null,
  label {text} not null,
  language {text} not null,
  created_at {int} not null,
  -- when the push service last took one
  accepted_at {int},
  -- how many it has not taken since
  failures {int} not null default 0
) {strict};
create index push_device_of_agent on push_device(workspace, agent);
create index push_device_of_session on push_device(session);

-- A push on its way to one device.
create table push_job (
  id {id},
  workspace {int} not null,
  device {int} not null references push_device(id) on delete cascade,
  -- not sent any more when the agent does not hold it any more; null for a try
  conversation {int},
  -- JSON of what the device shows
  body {text} not null,
  attempts {int} not null default 0,
  due_at {int} not null,
  lease_until {int} not null default 0,
  created_at {int} not null
) {strict};
create index push_job_due on push_job(due_at);
create index push_job_of_device on push_job(device);

create table invitation (
  id {id},
  workspace {int} not null references workspace(id),
  email {text} not null,
  email_key {text} not null,
  role {text} not null,
  groups {text} not null default '[]',
  language {text} not null,
  token_hash {text} not null unique,
  invited_by {int},
  created_at {int} not null,
  expires_at {int} not null,
  used_at {int},
  revoked_at {int}
) {strict};
create index invitation_of_workspace on invitation(workspace, email_key);

create table password_reset (
  id {id},
  account {int} not null references account(id),
  token_hash {text} not null unique,
  created_at {int} not null,
  expires_at {int} not null,
  used_at {int}
) {strict};
create index password_reset_of_account on password_reset(account);

-- A new address of an account, until the old one and the new one have agreed.
create table email_change (
  account {int} primary key references account(id),
  email {text} not null,
  email_key {text} not null,
  old_hash {text} not null unique,
  new_hash {text} not null unique,
  old_confirmed_at {int},
  new_confirmed_at {int},
  created_at {int} not null,
  expires_at {int} not null
) {strict};

create table login_attempt (
  key {text} primary key,
  failures {int} not null,
  blocked_until {int} not null,
  updated_at {int} not null
) {strict};

create table agent_group (
  id {id},
  workspace {int} not null references workspace(id),
  name {text} not null,
  name_key {text} not null,
  key {text} not null,
  -- JSON array of former keys that keep working
  aliases {text} not null default '[]',
  description {text} not null default '',
  colour {text} not null default '',
  is_default {int} not null default 0,
  -- JSON array of the channel accounts it serves, null = all
  channels {text},
  -- who helps when it has nobody, or nobody had room for so long
  overflow {int},
  overflow_seconds {int},
  version {int} not null default 1,
  created_at {int} not null,
  deleted_at {int}
) {strict};
create unique index agent_group_key on agent_group(workspace, key) where deleted_at is null;
create unique index agent_group_name on agent_group(workspace, name_key) where deleted_at is null;

-- What agents can do and conversations ask for.
create table skill (
  id {id},
  workspace {int} not null references workspace(id),
  name {text} not null,
  name_key {text} not null,
  version {int} not null default 1,
  created_at {int} not null,
  deleted_at {int}
) {strict};
create unique index skill_name on skill(workspace, name_key) where deleted_at is null;
create index skill_of_workspace on skill(workspace, id);

create table agent_group_member (
  workspace {int} not null,
  group_id {int} not null references agent_group(id),
  agent {int} not null references agent(id),
  supervisor {int} not null default 0,
  primary key (workspace, group_id, agent)
) {strict};
create index agent_group_member_agent on agent_group_member(workspace, agent);

-- Hours of the workspace (scope_id 0), a channel account or a group; without a row it inherits (spec CP-9).
create table business_hours (
  id {id},
  workspace {int} not null references workspace(id),
  -- workspace, channel, group
  scope {text} not null,
  scope_id {int} not null,
  zone {text},
  -- JSON: the week and its exceptions
  body {text} not null,
  -- when a change closed what had been open
  closed_at {int},
  version {int} not null default 1
) {strict};
create unique index business_hours_scope on business_hours(workspace, scope, scope_id);

-- What is said outside of them (spec CP-10).
create table after_hours_message (
  id {id},
  workspace {int} not null references workspace(id),
  scope {text} not null,
  scope_id {int} not null,
  body {text} not null,
  version {int} not null default 1
) {strict};
create unique index after_hours_message_scope on after_hours_message(workspace, scope, scope_id);

create table audit_entry (
  id {id},
  workspace {int} not null,
  at {int} not null,
  actor {int},
  actor_name {text} not null default '',
  ip {text} not null default '',
  action {text} not null,
  object {text} not null,
  object_id {text} not null default '',
  before {text},
  after {text},
  -- over this row and the hash of the row before
  hash {text} not null
) {strict};
create index audit_entry_of_workspace on audit_entry(workspace, id);

-- The hash of the newest entry, and the lock that puts the entries of a workspace in one row.
create table audit_head (
  workspace {int} primary key references workspace(id),
  hash {text} not null
) {strict};

create table idempotency_key (
  workspace {int} not null,
  principal {text} not null,
  route {text} not null,
  key {text} not null,
  body_hash {text} not null,
  status {int} not null,
  answer {text} not null,
  created_at {int} not null,
  primary key (workspace, principal, route, key)
) {strict};

-- Channels and customers -----------------------------------------------------------------------------------------------

create table channel_account (
  id {id},
  workspace {int} not null references workspace(id),
  kind {text} not null,
  name {text} not null,
  -- phone number id or site key: what an inbound body names
  external_id {text} not null,
  -- the portfolio or business account that scopes identities
  scope {text} not null default '',
  status {text} not null default 'draft',
  status_detail {text} not null default '',
  settings {text} not null default '{}',
  -- JSON of encrypted secrets
  secrets {text} not null default '{}',
  -- names the workspace's own callback /webhooks/meta/{token}
  webhook_token {text} not null unique,
  greeter {text},
  default_group {int},
  -- JSON array of skill ids: what a conversation that begins here asks for
  skills {text} not null default '[]',
  -- how much older than it is a conversation that begins here counts
  priority_minutes {int} not null default 0,
  lane {int} not null default 0,
  simulated {int} not null default 0,
  health {text} not null default '{}',
  -- since when calls to the provider fail, and how the first one did; null again with the first that works
  failing_since {int},
  failing_error {text},
  version {int} not null default 1,
  created_at {int} not null,
  deleted_at {int}
) {strict};
create unique index channel_account_external on channel_account(kind, external_id) where deleted_at is null;
create index channel_account_of_workspace on channel_account(workspace);

create table customer (
  id {id},
  workspace {int} not null,
  name {text} not null default '',
  -- who gave the name: profile, agent, api
  name_source {text} not null default 'profile',
  phone {text},
  email {text},
  attributes {text} not null default '{}',
  notes {text} not null default '',
  merged_into {int},
  version {int} not null default 1,
  created_at {int} not null,
  updated_at {int} not null
) {strict};
create index customer_of_workspace on customer(workspace, id);

-- The words by which customers are found: of names and addresses, in lower case and without accents, and the ends of
-- telephone numbers. Bytes, which both engines order alike, so that a beginning is a range.
create table customer_word (
  workspace {int} not null,
  word {bytes} not null,
  customer {int} not null,
  primary key (workspace, word, customer)
) {strict};
create index customer_word_of on customer_word(workspace, customer);

create table identity (
  id {id},
  workspace {int} not null,
  kind {text} not null,
  scope {text} not null,
  value {text} not null,
  customer {int} not null references customer(id),
  -- what the provider returned for sending (wa_id), when it differs
  send_to {text},
  flags {text} not null default '{}',
  created_at {int} not null,
  replaced_by {int}
) {strict};
create unique index identity_value on identity(workspace, kind, scope, value);
create index identity_of_customer on identity(workspace, customer);

-- The agent who always attends a customer (spec AG-17).
create table affinity (
  workspace {int} not null,
  customer {int} not null references customer(id),
  agent {int} not null references agent(id),
  since {int} not null,
  -- null: an answer made it
  by_agent {int},
  reason {text} not null default '',
  strict {int} not null default 0,
  expires_at {int},
  primary key (workspace, customer)
) {strict};
create index affinity_of_agent on affinity(workspace, agent, customer);

create table visitor (
  id {id},
  workspace {int} not null,
  channel_account {int} not null references channel_account(id),
  public_id {text} not null unique,
  token_hash {text} not null unique,
  customer {int},
  -- how the site's own server calls them, once it has proven it
  user_id {text},
  -- JSON of what they or their site said about them: name, email, phone, attributes, consent
  profile {text} not null default '{}',
  page {text} not null default '{}',
  read_up_to {int} not null default 0,
  created_at {int} not null,
  last_seen_at {int} not null
) {strict};
create index visitor_customer on visitor(workspace, customer) where customer is not null;

-- Conversations --------------------------------------------------------------------------------------------------------

-- Facts and place stand in one narrow row, so that lists need one index (architecture.md §8, rule 1).
create table conversation (
  id {id},
  workspace {int} not null,
  number {int} not null,
  channel_account {int} not null,
  customer {int} not null,
  episode {int} not null default 1,
  simulated {int} not null default 0,
  outbound {int} not null default 0,
  -- place: written by the planner alone, except birth, reopening and the bot's hand-over
  place {text} not null,
  owner {int},
  epoch {int} not null default 1,
  group_id {int},
  phase {text},
  rotate_at {int},
  round {int} not null default 0,
  exhausted {int} not null default 0,
  waiting_since {int},
  assigned_at {int},
  assigned_reason {text},
  reserved_for {int},
  reserved_until {int},
  last_owner {int},
  closed_at {int},
  close_reason {text},
  -- what else the routing engine keeps of it: JSON, opaque to everybody else
  routing {text},
  -- facts: written by receive, reply and sent
  owed_since {int},
  last_customer_at {int},
  last_activity_at {int} not null,
  last_message {int},
  unread {int} not null default 0,
  marked_unread {int} not null default 0,
  next_outbox {int} not null default 1,
  window_closed {int} not null default 0,
  greeted {int} not null default 0,
  -- when it was last said that nobody is there
  after_hours_at {int},
  -- the episode that an agent has answered
  answered_episode {int} not null default 0,
  -- JSON of where it began: page, referrer and campaign of a web chat
  origin {text},
  created_at {int} not null
) {strict};
create unique index conversation_number on conversation(workspace, number);
create unique index conversation_live on conversation(channel_account, customer) where place <> 'closed';
create index conversation_of_customer on conversation(workspace, customer);
create index conversation_place_waiting on conversation(workspace, place, owed_since, id);
-- few, except in a workspace where everything is
create index conversation_simulated on conversation(workspace, place, owed_since) where simulated = 1 and place in ('waiting', 'held');
create index conversation_owner on conversation(workspace, owner, place) where owner is not null;
create index conversation_activity on conversation(workspace, place, last_activity_at, id);
create index conversation_closed on conversation(workspace, closed_at, id) where place = 'closed';
-- windows that end and automatic closings that come near
create index conversation_quiet on conversation(workspace, last_customer_at, id) where place in ('waiting', 'held');

create table message (
  id {id},
  workspace {int} not null,
  conversation {int} not null,
  channel_account {int} not null,
  direction {text} not null,
  author {text} not null,
  agent {int},
  client_id {text},
  -- hash of the content a client sent with client_id
  client_hash {text},
  provider_id {text},
  at {int} not null,
  received_at {int} not null,
  kind {text} not null,
  content {text} not null,
  status {text},
  status_at {text},
  error {text},
  reply_to {text},
  -- the anchor this answer cleared, kept so that a failed send can restore it
  owed_before {int},
  epoch {int} not null default 0,
  edited_at {int},
  deleted_at {int},
  referral {text}
) {strict};
create index message_of_conversation on message(conversation, at, id);
create unique index message_provider on message(channel_account, provider_id) where provider_id is not null;
create unique index message_client on message(workspace, conversation, author, client_id) where client_id is not null;
create index message_failed on message(workspace, id) where status = 'failed';

create table reaction (
  workspace {int} not null,
  conversation {int} not null,
  target {text} not null,
  by_whom {text} not null,
  emoji {text} not null,
  at {int} not null,
  primary key (conversation, target, by_whom)
) {strict};

create table draft (
  workspace {int} not null,
  agent {int} not null,
  conversation {int} not null,
  mode {text} not null,
  body {text} not null,
  updated_at {int} not null,
  primary key (workspace, agent, conversation)
) {strict};

create table file (
  id {id},
  workspace {int} not null,
  public_id {text} not null unique,
  name {text} not null,
  mime {text} not null,
  size {int} not null,
  sha256 {text} not null,
  conversation {int},
  visitor {int},
  uploaded_by {int},
  created_at {int} not null
) {strict};

-- A file that went out as a link because the channel does not carry it (spec CORE-5).
create table file_link (
  token_hash {text} primary key,
  workspace {int} not null,
  file {text} not null,
  created_by {int},
  created_at {int} not null,
  expires_at {int} not null,
  downloads {int} not null default 0
) {strict};
create index file_link_of_file on file_link(workspace, file);

create table media_job (
  id {id},
  workspace {int} not null,
  channel_account {int} not null,
  message {int} not null,
  provider_media {text} not null,
  attempts {int} not null default 0,
  due_at {int} not null,
  lease_until {int} not null default 0,
  failed {text}
) {strict};
create index media_job_due on media_job(due_at) where failed is null;

create table incident (
  id {id},
  workspace {int} not null,
  conversation {int} not null,
  kind {text} not null,
  phase {text} not null,
  waited {int} not null,
  detail {text} not null default '{}',
  -- as its conversation: kept out of figures
  simulated {int} not null default 0,
  at {int} not null
) {strict};
create index incident_of_workspace on incident(workspace, id);
create index incident_at on incident(workspace, at);

-- Something people should act on. `key` makes it one: the same thing is told once.
create table alert (
  id {id},
  workspace {int} not null,
  kind {text} not null,
  key {text} not null,
  conversation {int},
  -- whom it is about besides supervisors
  agent {int},
  detail {text} not null default '{}',
  at {int} not null
) {strict};
create unique index alert_key on alert(workspace, key);
create index alert_of_workspace on alert(workspace, id);
create index alert_at on alert(at);

-- What customers are promised; without a group or a channel account, to all of them.
create table service_target (
  id {id},
  workspace {int} not null references workspace(id),
  -- first_response, next_response, wait_for_agent, resolution
  metric {text} not null,
  group_id {int},
  channel_account {int},
  -- only for conversations with at least this head start in the queue
  priority_minutes {int} not null default 0,
  target_ms {int} not null,
  -- measured in open time
  business {int} not null default 1,
  notify {int} not null default 1,
  -- what follows when it is broken: a head start, and another group that is asked
  raise_minutes {int} not null default 0,
  to_group {int},
  version {int} not null default 1,
  created_at {int} not null
) {strict};
create unique index service_target_of on service_target(workspace, metric, coalesce(group_id, 0), coalesce(channel_account, 0), priority_minutes);

-- One clock per wait of a conversation, and one for its whole. It keeps the ends it began with.
create table service_clock (
  id {id},
  workspace {int} not null,
  conversation {int} not null,
  metric {text} not null,
  -- what of a conversation can have one clock at a time: answer (the first or a further one), wait, resolution
  slot {text} not null,
  target {int} not null,
  group_id {int},
  channel_account {int} not null,
  -- as its conversation: kept out of figures
  simulated {int} not null default 0,
  started_at {int} not null,
  risk_at {int} not null,
  due_at {int} not null,
  -- when the next thing about it is to be told
  next_at {int},
  ended_at {int},
  -- kept or broken; null while it runs, and for what was closed before it was due
  met {int},
  agent {int}
) {strict};
create unique index service_clock_running on service_clock(workspace, conversation, slot) where ended_at is null;
create index service_clock_near on service_clock(workspace, risk_at) where ended_at is null;
create index service_clock_next on service_clock(next_at) where next_at is not null;
create index service_clock_of on service_clock(workspace, conversation, slot, started_at);
create index service_clock_ended on service_clock(workspace, ended_at) where ended_at is not null;

-- Links that show the live wall, and nothing else, to whoever has one: a screen in the room.
create table wall_link (
  id {id},
  workspace {int} not null references workspace(id),
  name {text} not null,
  token_hash {text} not null unique,
  -- whether agents are shown by name
  names {int} not null default 0,
  created_by {int},
  created_at {int} not null
) {strict};
create index wall_link_of_workspace on wall_link(workspace, id);

-- In and out -----------------------------------------------------------------------------------------------------------

create table inbound_journal (
  id {id},
  source {text} not null,
  -- null for the installation's own app: the body may name accounts of any workspace of that app
  channel_account {int},
  lane {int} not null,
  received_at {int} not null,
  body {bytes} not null,
  done_at {int},
  attempts {int} not null default 0,
  failed {text}
) {strict};
create index inbound_journal_open on inbound_journal(lane, id) where done_at is null and failed is null;
create index inbound_journal_failed on inbound_journal(id) where failed is not null;

-- Parts of bodies that could not be understood, kept for a look and a replay.
create table inbound_failure (
  id {id},
  workspace {int},
  journal {int} not null,
  pointer {text} not null,
  reason {text} not null,
  raw {text} not null,
  at {int} not null,
  replayed_at {int}
) {strict};
create index inbound_failure_of_workspace on inbound_failure(workspace, id);

create table parked_status (
  channel_account {int} not null,
  provider_id {text} not null,
  status {text} not null,
  at {int} not null,
  detail {text},
  received_at {int} not null,
  primary key (channel_account, provider_id, status)
) {strict};

create table outbox (
  id {id},
  workspace {int} not null,
  channel_account {int} not null,
  conversation {int} not null,
  position {int} not null,
  message {int},
  -- message, read, typing
  kind {text} not null default 'message',
  payload {text} not null default '{}',
  state {text} not null,
  attempt {int} not null default 0,
  due_at {int} not null,
  lease_until {int} not null default 0,
  token {text},
  uncertain_until {int},
  error {text},
  created_at {int} not null
) {strict};
create index outbox_open on outbox(channel_account, conversation, position) where state in ('queued', 'sending', 'uncertain');
create index outbox_message on outbox(message) where message is not null;

create table timer (
  kind {text} not null,
  subject {int} not null,
  workspace {int} not null,
  epoch {int} not null default 0,
  due_at {int} not null,
  attempts {int} not null default 0,
  error {text},
  primary key (kind, subject)
) {strict};
create index timer_due on timer(due_at);

-- Routing --------------------------------------------------------------------------------------------------------------

create table routing_head (
  workspace {int} primary key,
  decision_seq {int} not null default 0,
  input_seq {int} not null default 0,
  at {int} not null default 0,
  lease_epoch {int} not null default 0,
  lease_owner {text} not null default '',
  lease_until {int} not null default 0,
  stamp {int} not null default 0,
  -- the ends of the chain of decisions: the newest, and the newest that was forgotten
  decision_hash {text} not null default '',
  kept_after {int} not null default 0,
  kept_hash {text} not null default ''
) {strict};

-- The processes that serve this installation. Only on PostgreSQL: a SQLite file has one.
create table node (
  id {text} primary key,
  roles {text} not null,
  version {text} not null,
  -- the name of its key of the secrets: all nodes need the same
  secret_key {text} not null,
  started_at {int} not null,
  seen_at {int} not null
) {strict};

-- What one node does for all: a lane of the inbound journal, timers, the look at who is gone.
create table duty (
  name {text} primary key,
  owner {text} not null default '',
  epoch {int} not null default 0,
  until {int} not null default 0
) {strict};

create table routing_input (
  id {id},
  workspace {int} not null,
  command_id {text},
  at {int} not null,
  fact {text} not null,
  seq {int},
  result {text}
) {strict};
create unique index routing_input_command on routing_input(workspace, command_id) where command_id is not null;
create index routing_input_open on routing_input(workspace, id) where seq is null;
create unique index routing_input_planned on routing_input(workspace, seq) where seq is not null;

-- states of the engine, from which decisions are made again
create table routing_snapshot (
  workspace {int} not null,
  input_seq {int} not null,
  at {int} not null,
  body {text} not null,
  primary key (workspace, input_seq)
) {strict};

create table agent_load (
  workspace {int} not null,
  agent {int} not null,
  load {int} not null default 0 check (load >= 0),
  stamp {int} not null default 0,
  -- what else the routing engine keeps of the agent: JSON, opaque to everybody else
  routing {text},
  primary key (workspace, agent)
) {strict};

create table routing_round (
  workspace {int} not null,
  conversation {int} not null,
  missed {text} not null default '[]',
  moves {int} not null default 0,
  transfers {int} not null default 0,
  primary key (workspace, conversation)
) {strict};

-- The open spans of each scope as the engine knows them: JSON of UTC times, written by the planner alone.
create table open_hours (
  workspace {int} not null,
  scope {text} not null,
  scope_id {int} not null,
  spans {text} not null,
  primary key (workspace, scope, scope_id)
) {strict};

create table routing_policy (
  id {id},
  workspace {int} not null,
  version {int} not null,
  body {text} not null,
  -- JSON: what groups have of their own, by id; the tests that stand with it
  groups {text} not null default '{}',
  tests {text} not null default '[]',
  note {text} not null default '',
  restored_from {int},
  author {int},
  -- the second person who said yes, where one was asked
  approved_by {int},
  created_at {int} not null
) {strict};
create unique index routing_policy_version on routing_policy(workspace, version);

-- Policies that are saved and not in force: scheduled, or planning in the shadow of the live one.
create table routing_candidate (
  id {id},
  workspace {int} not null,
  kind {text} not null,
  body {text} not null,
  groups {text} not null,
  tests {text} not null,
  reach {text} not null,
  note {text} not null default '',
  based_on {int} not null,
  author {int},
  activates_at {int},
  confirmed {int} not null default 0,
  created_at {int} not null,
  -- JSON: what a shadow has counted
  counts {text} not null default '{}',
  failed {text},
  -- the second person who said yes or no, and their words
  decided_by {int},
  decision_note {text} not null default ''
) {strict};
create index routing_candidate_of_workspace on routing_candidate(workspace, id);

-- Where a shadow decided otherwise: the newest of each.
create table routing_difference (
  id {id},
  workspace {int} not null,
  candidate {int} not null,
  at {int} not null,
  conversation {int},
  live_act {text},
  live_agent {int},
  shadow_act {text},
  shadow_agent {int}
) {strict};
create index routing_difference_of_candidate on routing_difference(workspace, candidate, id);

-- clocks that a supervisor stopped; group 0 is the whole workspace
create table rotation_pause (
  workspace {int} not null,
  group_id {int} not null,
  until {int} not null,
  primary key (workspace, group_id)
) {strict};

create table routing_decision (
  workspace {int} not null,
  seq {int} not null,
  at {int} not null,
  cause {int} not null,
  policy_version {int} not null,
  conversation {int},
  group_id {int},
  epoch_before {int} not null,
  epoch_after {int} not null,
  act {text} not null,
  from_agent {int},
  to_agent {int},
  reason {text} not null,
  funnel {text} not null,
  -- hash of the engine's state that was planned on, and of this row with the one before
  state {int} not null,
  hash {text} not null,
  primary key (workspace, seq)
) {strict};
create index routing_decision_of_conversation on routing_decision(workspace, conversation, seq) where conversation is not null;
create index routing_decision_to on routing_decision(workspace, to_agent, seq) where to_agent is not null;
create index routing_decision_from on routing_decision(workspace, from_agent, seq) where from_agent is not null;

-- Presence -------------------------------------------------------------------------------------------------------------

create table agent_presence (
  workspace {int} not null,
  agent {int} not null,
  chosen {text} not null default 'online',
  reason {text} not null default '',
  away_until {int},
  -- they chose to stay available while a push reaches them, and are there by that alone
  background {int} not null default 0,
  by_push {int} not null default 0,
  last_activity_at {int} not null default 0,
  -- the end of the longest lease of a connected device
  connected_until {int} not null default 0,
  disconnected_at {int},
  effective {text} not null default 'offline',
  since {int} not null default 0,
  primary key (workspace, agent)
) {strict};

create table presence_lease (
  id {text} primary key,
  workspace {int} not null,
  agent {int} not null,
  node {text} not null,
  until {int} not null
) {strict};
create index presence_lease_agent on presence_lease(workspace, agent);

create table agent_state_log (
  id {id},
  workspace {int} not null,
  agent {int} not null,
  state {text} not null,
  reason {text} not null default '',
  cause {text} not null,
  by_agent {int},
  at {int} not null
) {strict};
create index agent_state_log_agent on agent_state_log(workspace, agent, id);

-- Events ---------------------------------------------------------------------------------------------------------------

create table event_head (
  workspace {int} primary key,
  seq {int} not null
) {strict};

create table event (
  workspace {int} not null,
  seq {int} not null,
  at {int} not null,
  kind {text} not null,
  conversation {int},
  scope_before {text},
  scope_after {text},
  body {text} not null,
  primary key (workspace, seq)
) {strict};
create index event_age on event(workspace, at);

-- Up to where a durable reader of the log has come.
create table consumer_cursor (
  consumer {text} not null,
  workspace {int} not null references workspace(id),
  seq {int} not null,
  primary key (consumer, workspace)
) {strict};

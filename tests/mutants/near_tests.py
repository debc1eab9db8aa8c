"""Which tests stand close to a source: a table of programs and scripts by folder, for tests/mutate."""

import fnmatch

# Test programs by folder; then those of the folders that stand on it.
NEAR = {
    "engine/base": ["base_test"],
    "engine/model": ["model_test"],
    "engine/log": ["log_test", "log_conformance_test", "log_holes_test", "log_process_test"],
    "engine/sql": ["sql_test", "session_test"],
    "capture": ["capture_test", "postgres_capture_test"],
    "apply": ["apply_test", "target_conformance_test", "target_failures_test"],
    "tools": ["tools_test"],
}
WIDE = {
    "engine/base": ["log_test", "tools_test"],
    "engine/model": ["log_test", "sql_test", "capture_test", "apply_test", "session_test"],
    "engine/log": ["capture_test", "apply_test", "tools_test"],
    "engine/sql": ["capture_test", "apply_test", "postgres_capture_test", "target_conformance_test"],
    "capture": ["tools_test"],
    "apply": ["tools_test"],
    "tools": [],
}
# Programs that a test program starts, by an environment variable of their name (SYNCLINE_LOG_WRITER).
CHILDREN = {"log_process_test": ["log_writer"]}
# The scripts of tests/system that know a folder best, with their quick cases; without any: whole.
SYSTEM = {
    "log_care_test": [],
    "golden_test": [],
    "omit_test": [],
    "hostile_catalogue_test": [],
    "bad_input_test": [],
    "private_log_test": [],
    "retention_test": ["test_a_target_is_rebuilt_from_the_base_and_the_frames", "test_a_wrong_configuration_is_said"],
    "power_test": ["test_repair", "test_a_backup_that_was_reported_is_a_log"],
    "four_ways_test": ["test_columns_are_renamed_and_omitted_and_rows_chosen"],
    "odd_data_test": ["test_keys_of_every_type", "test_values_of_every_type"],
    "source_change_test": ["test_an_emptied_restore_asks_first", "test_rows_that_a_policy_hides_stay_where_they_are"],
    "deletes_test": ["test_reconciling_with_sqlite"],
    "recovery_test": [
        "test_deletions_that_are_held_back_are_told_until_they_are_settled",
        "test_a_first_load_that_was_cut_off_is_no_state_to_go_back_to",
        "test_a_replay_becomes_a_consumer_with_its_first_commit",
    ],
    "refusals_test": [
        "test_names_that_are_one_in_sqlite_are_refused",
        "test_row_security_and_triggers_of_the_target_park_what_they_refuse",
        "test_a_row_with_invalid_bytes_is_set_aside_with_its_key",
    ],
    "narrowing_test": ["test_what_a_type_does_not_hold_is_told", "test_keys_that_are_one_in_sqlite"],
    "two_way_trouble_test": [
        "test_a_row_without_a_version_is_parked_and_the_rest_goes_on",
        "test_keys_that_are_equal_and_look_different",
        "test_an_older_deletion_does_not_beat_a_newer_update",
    ],
    "moments_test": ["test_the_later_moment_wins", "test_a_word_inside_a_column_of_times_is_refused_too"],
    "durability_test": ["test_unlogged_target_tables_are_refused"],
    "program_test": [
        "test_sigterm_finishes_the_batch_and_exits_0",
        "test_status_and_offsets_tell_where_everything_stands",
    ],
    "schedules_test": [
        "test_capture_and_apply_by_the_clock_as_processes_of_their_own",
        "test_pause_and_resume",
        "test_a_run_whose_process_dies_is_failed",
        "test_a_failing_pipeline_tells_its_hook_once_and_stops_nobody",
        "test_a_pipeline_gives_up_after_its_retries_and_the_others_go_on",
        "test_reconciling_and_folding_by_the_clock",
        "test_runs_tell_what_was_synced",
    ],
    "health_test": ["test_in_step", "test_once", "test_apply_killed", "test_failed_alone", "test_paused"],
}
KNOWS = {
    "engine/base": ["private_log_test", "bad_input_test", "schedules_test"],
    "engine/model": ["golden_test", "moments_test", "odd_data_test"],
    "engine/log": ["log_care_test", "golden_test", "retention_test", "power_test", "recovery_test"],
    "engine/sql": ["hostile_catalogue_test", "bad_input_test", "four_ways_test", "odd_data_test", "refusals_test",
                   "narrowing_test"],
    "capture": ["golden_test", "bad_input_test", "deletes_test", "source_change_test", "recovery_test",
                "refusals_test", "four_ways_test", "moments_test"],
    "apply": ["golden_test", "omit_test", "durability_test", "two_way_trouble_test", "refusals_test",
              "narrowing_test", "moments_test", "recovery_test"],
    "tools": ["program_test", "schedules_test", "health_test", "bad_input_test", "private_log_test"],
}  # fmt: skip
# The files of a run, of the many of tools.
RUNNER = [
    "tools/service/*.cc", "tools/history/*.cc", "tools/config/schedule*.cc", "tools/status/idle_consumers.cc",
    "tools/support/child_process.cc", "tools/support/stop_signals.cc", "tools/commands/run_stages.cc",
    "tools/commands/load_progress.cc", "tools/commands/last_resort.cc",
]  # fmt: skip


def is_usual(path):
    """Of what is mutated when nothing is named."""
    return not path.startswith("tools/") or any(fnmatch.fnmatch(path, pattern) for pattern in RUNNER)


def folder_of(path):
    return next(folder for folder in NEAR if path.startswith(folder + "/"))

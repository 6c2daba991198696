Feature: Counting
    Scenario: One more
        Given there are 3 things
        When one comes
        Then there are 4 things

    @slow
    Scenario Outline: Some more
        Given there are <start> things
        When one comes
        Then there are <end> things

        Examples:
            | start | end |
            | 1     | 2   |
            | 5     | 7   |

package org.example.modules.app;

import static org.junit.Assert.assertEquals;

import org.junit.Test;

public class MainTest {
    @Test
    public void printsTheOrigin() throws Exception {
        assertEquals("{\"x\":0,\"y\":0}", Main.origin());
    }
}

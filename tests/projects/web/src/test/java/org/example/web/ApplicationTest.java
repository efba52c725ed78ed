package org.example.web;

import static org.springframework.test.web.servlet.request.MockMvcRequestBuilders.get;
import static org.springframework.test.web.servlet.result.MockMvcResultMatchers.content;

import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.autoconfigure.web.servlet.WebMvcTest;
import org.springframework.test.web.servlet.MockMvc;

@WebMvcTest(Application.class)
class ApplicationTest {
    @Autowired
    private MockMvc mvc;

    @Test
    void greets() throws Exception {
        mvc.perform(get("/greeting")).andExpect(content().string("Hello"));
    }
}
